{{- define "gitconfigmgr.name" -}}
{{ printf "%s-gitconfigmgr" .Release.Name | replace "gitconfigmgr-gitconfigmgr" "gitconfigmgr" | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "gitconfigmgr.selector" -}}
app.kubernetes.io/name: gitconfigmgr
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gitconfigmgr.labels" -}}
{{ include "gitconfigmgr.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gitconfigmgr.image" -}}
{{- $repository := required "image.repository: where the image of docs/deploy/Containerfile is" .Values.image.repository -}}
{{ if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}{{ else }}{{ $repository }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- define "gitconfigmgr.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}
