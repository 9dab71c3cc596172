{{- define "recorder.labels" -}}
app.kubernetes.io/name: recorder
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "recorder.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Nobody special, and nothing to write on but what is mounted. Landlock and setrlimit, which
confine ffmpeg, need no privilege; RuntimeDefault lets them through. */}}
{{- define "recorder.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "recorder.security" -}}
image: {{ include "recorder.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "recorder.environment" -}}
- {name: RECORDER_DATABASE_URL_FILE, value: /run/secrets/service/database_url}
- {name: RECORDER_S3_SECRET_KEY_FILE, value: /run/secrets/service/s3_secret_key}
{{- if .Values.secrets.redisUrl }}
- {name: RECORDER_REDIS_URL_FILE, value: /run/secrets/service/redis_url}
{{- end }}
- {name: RECORDER_SIGNING_KEY_FILE, value: /run/secrets/key/signing.key}
- {name: RECORDER_WORK_FOLDER, value: /var/lib/recorder/work}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "recorder.mounts" -}}
- {name: service, mountPath: /run/secrets/service, readOnly: true}
- {name: key, mountPath: /run/secrets/key, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: work, mountPath: /var/lib/recorder/work}
{{- end }}

{{- define "recorder.volumes" -}}
- name: service
  secret: {secretName: {{ .root.Values.secrets.service }}, defaultMode: 0440}
- name: key
  secret: {secretName: {{ .root.Values.secrets.signingKey }}, defaultMode: 0440}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: work
  emptyDir: {sizeLimit: {{ .work }}}
{{- end }}
