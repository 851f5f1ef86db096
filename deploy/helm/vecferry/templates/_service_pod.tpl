{{/* The pod of one role's Deployment. */}}
{{- define "vecferry.servicePod" -}}
{{- $context := .context -}}
{{- $role := .role -}}
{{- $values := index .context.Values .role -}}
{{- $hasConnections := and (ne $role "reader") $context.Values.connections.secrets -}}
{{- $hasScratch := ne $role "writer" -}}
{{- $hasSource := and (eq $role "coordinator") (eq (include "vecferry.hasSource" $context) "true") -}}
metadata:
  labels:
    {{- include "vecferry.labels" (dict "context" $context "component" $role) | nindent 4 }}
    serves-metrics: "true"
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "vecferry.podBase" $context | nindent 2 }}
  terminationGracePeriodSeconds: {{ add $context.Values.drainTimeoutSeconds 15 }}
  containers:
    - name: {{ $role }}
      {{- include "vecferry.containerBase" $context | nindent 6 }}
      command: [vecferry-{{ $role }}]
      args:
        - --listen=0.0.0.0:7070
        - --metrics-listen=0.0.0.0:9090
        {{- if ne $role "coordinator" }}
        - --advertise=$(POD_IP):7070
        - --coordinator={{ include "vecferry.coordinators" $context }}
        {{- end }}
        {{- if $values.streams }}
        - --streams={{ $values.streams }}
        {{- end }}
        {{- if $hasConnections }}
        - --connections-dir=/etc/vecferry/connections
        {{- end }}
        {{- if $hasScratch }}
        - --scratch-dir=/var/lib/vecferry/scratch
        {{- end }}
        {{- include "vecferry.tlsArgs" $context | nindent 8 }}
        - --drain-timeout={{ $context.Values.drainTimeoutSeconds }}
        - --log-level={{ $context.Values.logLevel }}
        - --log-format={{ $context.Values.logFormat }}
        {{- with $values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        {{- if $hasScratch }}
        # Where SQLite puts its own temporary files: nothing else can be written.
        - {name: TMPDIR, value: /var/lib/vecferry/scratch}
        {{- end }}
        {{- with $context.Values.tracing }}
        {{- if .endpoint }}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
        - {name: OTEL_SERVICE_NAME, value: vecferry-{{ $role }}}
        - {name: OTEL_RESOURCE_ATTRIBUTES, value: "k8s.pod.name=$(POD_NAME),k8s.namespace.name={{ $context.Release.Namespace }}"}
        - {name: OTEL_TRACES_SAMPLER, value: {{ .sampler }}}
        {{- if ne (toString .samplerArg) "" }}
        - {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .samplerArg | quote }}}
        {{- end }}
        {{- end }}
        {{- end }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: grpc, containerPort: 7070}
        - {name: metrics, containerPort: 9090}
      startupProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        timeoutSeconds: 5
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        {{- if $hasConnections }}
        - {name: connections, mountPath: /etc/vecferry/connections, readOnly: true}
        {{- end }}
        {{- if ne $context.Values.tls.mode "none" }}
        - {name: tls, mountPath: /etc/vecferry/tls, readOnly: true}
        {{- end }}
        {{- if $hasScratch }}
        - {name: scratch, mountPath: /var/lib/vecferry/scratch}
        {{- end }}
        {{- if $hasSource }}
        - {name: source, mountPath: /var/lib/vecferry/source, readOnly: true}
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- if $hasConnections }}
    - name: connections
      projected:
        defaultMode: 0440
        sources:
          {{- range $context.Values.connections.secrets }}
          - secret: {name: {{ . }}}
          {{- end }}
    {{- end }}
    {{- if ne $context.Values.tls.mode "none" }}
    - name: tls
      secret:
        secretName: {{ include "vecferry.tlsSecret" (dict "context" $context "role" $role) }}
        defaultMode: 0440
    {{- end }}
    {{- if $hasScratch }}
    - name: scratch
      {{- with $context.Values.scratch }}
      {{- if .claim }}
      persistentVolumeClaim: {claimName: {{ .claim }}}
      {{- else }}
      emptyDir: {sizeLimit: {{ .sizeLimit }}}
      {{- end }}
      {{- end }}
    {{- end }}
    {{- if $hasSource }}
    - name: source
      {{- with $context.Values.source }}
      {{- if .claim }}
      # Read-only as a volume too: else fsGroup would change the group of the source's files.
      persistentVolumeClaim: {claimName: {{ .claim }}, readOnly: true}
      {{- else if .hostPath }}
      hostPath: {path: {{ .hostPath | quote }}, type: Directory}
      {{- else }}
      emptyDir: {}
      {{- end }}
      {{- end }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    # Without a selector a constraint would count no pod.
    - {{ merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "vecferry.selector" (dict "context" $context "component" $role) | fromYaml))) | toJson }}
    {{- end }}
  {{- end }}
  {{- range $name := list "nodeSelector" "tolerations" "affinity" }}
  {{- with index $values $name }}
  {{ $name }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end -}}
