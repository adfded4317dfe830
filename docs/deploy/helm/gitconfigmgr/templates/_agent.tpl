{{- /*
The agent for a pod of your chart, which has this chart as a dependency. Each takes the context of that dependency:

  spec:
    securityContext: {fsGroup: 65532}      # the group of the socket and of the files
    initContainers: {{ include "gitconfigmgr.agent" .Subcharts.gitconfigmgr | nindent 8 }}
    containers:
      - volumeMounts: {{ include "gitconfigmgr.agent.mounts" .Subcharts.gitconfigmgr | nindent 12 }}
    volumes: {{ include "gitconfigmgr.agent.volumes" .Subcharts.gitconfigmgr | nindent 8 }}

The agent is a native sidecar: it starts before your containers, which wait for its startup probe, so that verified
configuration is there; it ends after them; and a Job with it comes to its end.
*/ -}}

{{- define "gitconfigmgr.agent" -}}
- name: gitconfigmgr-agent
  image: {{ include "gitconfigmgr.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args: [agent, run, -f, /etc/gitconfigmgr/agent.toml]
  startupProbe:
    exec: {command: [gitconfigmgr, agent, status, -f, /etc/gitconfigmgr/agent.toml, --probe, ready]}
    periodSeconds: 2
    timeoutSeconds: 5
    failureThreshold: 60
  livenessProbe:
    exec: {command: [gitconfigmgr, agent, status, -f, /etc/gitconfigmgr/agent.toml, --probe, live]}
    periodSeconds: 60
    timeoutSeconds: 10
    failureThreshold: 3
  resources: {{- toYaml .Values.agent.resources | nindent 4 }}
  securityContext: {{- include "gitconfigmgr.containerSecurity" . | nindent 4 }}
    runAsUser: {{ .Values.agent.uid }}
    runAsGroup: {{ .Values.agent.uid }}
  volumeMounts:
    - {name: gitconfigmgr-run, mountPath: /run/gitconfigmgr}
    - {name: gitconfigmgr-state, mountPath: /var/lib/gitconfigmgr}
    - {name: gitconfigmgr-settings, mountPath: /etc/gitconfigmgr, readOnly: true}
    {{- if .Values.agent.secret }}
    - {name: gitconfigmgr-secret, mountPath: /etc/gitconfigmgr-secret, readOnly: true}
    {{- end }}
    {{- if .Values.agent.ca }}
    - {name: gitconfigmgr-ca, mountPath: /etc/gitconfigmgr-ca, readOnly: true}
    {{- end }}
{{- end }}

{{- define "gitconfigmgr.agent.mounts" -}}
- {name: gitconfigmgr-run, mountPath: /run/gitconfigmgr, readOnly: true}
{{- end }}

{{- define "gitconfigmgr.agent.volumes" -}}
- name: gitconfigmgr-run # the socket, and files with opened secrets: never on a disk
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: gitconfigmgr-state # the last known good; secrets in it stay sealed
  emptyDir: {sizeLimit: 200Mi}
- name: gitconfigmgr-settings
  configMap:
    name: {{ include "gitconfigmgr.agent.settings.name" . }}
{{- with .Values.agent.secret }}
- name: gitconfigmgr-secret
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.agent.ca }}
- name: gitconfigmgr-ca
  configMap:
    name: {{ . }}
{{- end }}
{{- end }}

{{- define "gitconfigmgr.agent.settings" -}}
{{- with .Values.agent -}}
address = {{ required "agent.address" .address | toJson }}
root = "1.root.json"
environment = {{ required "agent.environment" .environment | toJson }}
namespaces = {{ required "agent.namespaces" .namespaces | toJson }}
state = "/var/lib/gitconfigmgr"
socket = "/run/gitconfigmgr/agent.sock"
socket_mode = "0660"
files = "/run/gitconfigmgr/files"
files_mode = "0640"
interval = {{ .interval }}
stale_after = {{ .staleAfter }}
on_expired = {{ .onExpired | toJson }}
{{- if .secret }}
token = "/etc/gitconfigmgr-secret/token"
{{- end }}
{{- if .identity }}
identity = "/etc/gitconfigmgr-secret/identity"
{{- end }}
{{- if .ca }}
ca = "/etc/gitconfigmgr-ca/ca.crt"
{{- end }}
{{- with .settings }}
{{ . | trim }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Named by its content: pods start anew when the settings change. */ -}}
{{- define "gitconfigmgr.agent.settings.name" -}}
{{ include "gitconfigmgr.name" . }}-agent-{{ printf "%s\n%s" (include "gitconfigmgr.agent.settings" .) .Values.agent.root | sha256sum | trunc 8 }}
{{- end }}
