// Holds objects against validators that others made of the official types; see README.md. Run in the folder that has the packages:
// node --input-type=module -e "$(cat accept.mjs)" < objects.json
import { readFileSync } from "node:fs";

const kinds = {
  ConfigMap: "kubernetes-models/v1/ConfigMap",
  Secret: "kubernetes-models/v1/Secret",
  ExternalSecret: "@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret",
  BackendTLSPolicy: "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/BackendTLSPolicy",
};
let accepted = 0;
for (const object of JSON.parse(readFileSync(0))) {
  if (!(object.kind in kinds)) continue;
  const models = await import(kinds[object.kind]);
  try {
    new models[object.kind](object).validate();
    accepted += 1;
  } catch (error) {
    console.log(`refused ${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}
console.log(`accepted ${accepted}`);
