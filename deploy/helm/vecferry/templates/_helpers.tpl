{{/* The longest ending, a Job's, has 19 characters; 63 is the limit of a label. */}}
{{- define "vecferry.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 44 | trimSuffix "-" -}}
{{- end -}}

{{- define "vecferry.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end -}}
{{- end -}}

{{/* In these, `context` is the chart's root and `component` a role, migration or test. */}}
{{- define "vecferry.selector" -}}
app.kubernetes.io/name: {{ default .context.Chart.Name .context.Values.nameOverride }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "vecferry.labels" -}}
{{ include "vecferry.selector" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ .context.Chart.Name }}-{{ .context.Chart.Version }}
{{- end -}}

{{/* Where clients find a coordinator that is ready, and where workers find every one. */}}
{{- define "vecferry.coordinator" -}}{{ include "vecferry.fullname" . }}-coordinator:7070{{- end -}}
{{- define "vecferry.coordinators" -}}{{ include "vecferry.fullname" . }}-coordinator-pods:7070{{- end -}}

{{- define "vecferry.hasSource" -}}
{{- $kinds := compact (list .Values.source.claim .Values.source.hostPath (.Values.source.emptyDir | ternary "emptyDir" "")) -}}
{{- if gt (len $kinds) 1 }}{{ fail "source: give one of claim, hostPath and emptyDir" }}{{ end -}}
{{- if $kinds }}true{{ end -}}
{{- end -}}

{{- define "vecferry.tlsSecret" -}}
{{ default (printf "%s-%s-tls" (include "vecferry.fullname" .context) .role) (index .context.Values.tls.secrets .role) }}
{{- end -}}

{{- define "vecferry.tlsArgs" -}}
{{- if eq .Values.tls.mode "none" -}}
- --insecure
{{- else -}}
- --tls-cert=/etc/vecferry/tls/tls.crt
- --tls-key=/etc/vecferry/tls/tls.key
- --tls-ca=/etc/vecferry/tls/ca.crt
{{- end -}}
{{- end -}}

{{- define "vecferry.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.securityContext }}
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- $number := index $.Values.securityContext $name }}
{{- if not (kindIs "invalid" $number) }}
{{ $name }}: {{ int64 $number }}
{{- end }}
{{- end }}
{{- with .supplementalGroups }}
supplementalGroups: {{ toJson . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "vecferry.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What all pods of the chart begin with. */}}
{{- define "vecferry.podBase" -}}
serviceAccountName: {{ include "vecferry.fullname" . }}
automountServiceAccountToken: false
# Kubernetes' VECFERRY_... variables of each Service would be read as flags.
enableServiceLinks: false
securityContext:
  {{- include "vecferry.podSecurity" . | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "vecferry.containerBase" -}}
image: {{ include "vecferry.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
# The last lines of a container that failed stay readable in the pod's status.
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "vecferry.containerSecurity" . | nindent 2 }}
{{- end -}}

{{/* A container that calls the coordinator once: context, component, words, resources. */}}
{{- define "vecferry.clientPod" -}}
{{- include "vecferry.podBase" .context }}
restartPolicy: Never
containers:
  - name: {{ .component }}
    {{- include "vecferry.containerBase" .context | nindent 4 }}
    command: [vecferry]
    args:
      {{- toYaml .words | nindent 6 }}
      - --coordinator={{ include "vecferry.coordinator" .context }}
      {{- include "vecferry.tlsArgs" .context | nindent 6 }}
    resources:
      {{- toYaml .context.Values.migration.resources | nindent 6 }}
    {{- if ne .context.Values.tls.mode "none" }}
    volumeMounts:
      - {name: tls, mountPath: /etc/vecferry/tls, readOnly: true}
volumes:
  - name: tls
    secret:
      secretName: {{ include "vecferry.tlsSecret" (dict "context" .context "role" "client") }}
      defaultMode: 0440
    {{- end }}
{{- end -}}
