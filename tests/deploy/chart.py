"""The chart as helm renders it, and the values with which tests render it."""
import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "vecferry"
ROLES = ("coordinator", "reader", "writer", "verifier")
NAMESPACE = "somewhere"

HELM = shutil.which("helm", path=os.pathsep.join([os.environ["PATH"], str(pathlib.Path.home() / ".cache/vecferry/tools")]))


def skip_without_helm():
    if HELM is None:
        print("SKIPPED: there is no helm, neither in PATH nor in ~/.cache/vecferry/tools; with Go, this makes one:\n"
              "  GOBIN=~/.cache/vecferry/tools go install helm.sh/helm/v3/cmd/helm@v3.22.0")
        sys.exit(77)


def helm(command, values, *words, release="first"):
    """Runs `helm template` or `helm lint`; a helm built from source believes that Kubernetes is 1.20 unless it is told."""
    names = [release] if command == "template" else ["--strict"]
    return subprocess.run([HELM, command, *names, CHART, "--namespace", NAMESPACE, "--kube-version", "1.31.0",
                           "--values", "-", *words], input=json.dumps(values), capture_output=True, text=True,
                          check=False, timeout=60)


def render(values, release="first"):
    """Returns what the chart makes of values, as a list of objects."""
    done = helm("template", values, release=release)
    if done.returncode != 0:
        raise AssertionError(f"helm template with {values}: {done.stderr}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(objects, kind):
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def pods(objects):
    """Returns every pod of the objects, also as templates: by the component that they are."""
    found = {}
    for item in objects:
        pod = item if item["kind"] == "Pod" else item["spec"].get("template") if "spec" in item else None
        if pod and "containers" in pod.get("spec", {}):
            found[pod["metadata"]["labels"]["app.kubernetes.io/component"]] = pod
    return found


def defaults():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def leaves(values, path=()):
    """Yields the path of each value that is no map with entries."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def without(values, path):
    """Returns the values but for one."""
    rest = copy.deepcopy(values)
    inner = rest
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return rest


def merged(*several):
    """Returns the values of all, the later ones first."""
    result = {}
    for values in several:
        for name, value in values.items():
            both = isinstance(value, dict) and isinstance(result.get(name), dict)
            result[name] = merged(result[name], value) if both else copy.deepcopy(value)
    return result


ROLE = {
    "replicas": 3, "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "3Gi"}},
    "podDisruptionBudget": False, "podAnnotations": {"note": "x"}, "podLabels": {"team": "a"},
    "nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "spot", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}}, "priorityClassName": "low", "extraArgs": ["--no-reflection"],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "extraEnv": [{"name": "PGSSLMODE", "value": "verify-full"}],
    "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
    "extraVolumeMounts": [{"name": "authority", "mountPath": "/etc/authority", "readOnly": True}],
}
AUTOSCALING = {"autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 9, "targetCPUUtilizationPercentage": 50}}
CONNECTIONS = {"connections": {"secrets": ["orders-databases", "archive-databases"]}}
SOURCE = {"source": {"claim": "memories"}}
MIGRATION = {"migration": {"enabled": True, "file": "team a/memories.db", "connection": "orders-prod",
                           "options": ["--schema=archive"]}, **CONNECTIONS, **SOURCE}
ISSUER = {"issuer": {"name": "company", "kind": "ClusterIssuer", "group": "issuers.example"}}
POSTGRES = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]

# Every switch of values.yaml stands in one of them.
CASES = {
    "default": {},
    "connections": CONNECTIONS,
    "source claim": SOURCE,
    "source on the host": {"source": {"hostPath": "/data"}},
    "source in an emptyDir": {"source": {"emptyDir": True}},
    "scratch claim": {"scratch": {"claim": "shared"}},
    "scratch size": {"scratch": {"sizeLimit": "200Gi"}},
    "TLS by secrets": {"tls": {"mode": "secret"}, **MIGRATION},
    "TLS by named secrets": {"tls": {"mode": "secret", "secrets": {role: f"own-{role}" for role in (*ROLES, "client")}},
                             **MIGRATION},
    "TLS by cert-manager": {"tls": {"mode": "certManager", "certManager": {"duration": "48h", "renewBefore": "12h"}},
                            **MIGRATION},
    "TLS by another issuer": {"tls": {"mode": "certManager", "certManager": ISSUER}, **MIGRATION},
    "tracing": {"tracing": {"endpoint": "http://collector.tracing:4319", "sampler": "parentbased_traceidratio",
                            "samplerArg": 0.1}},
    "logs": {"logLevel": "debug", "logFormat": "text"},
    "drain": {"drainTimeoutSeconds": 300},
    "image": {"image": {"repository": "mirror/vecferry", "tag": "2", "pullPolicy": "Always"},
              "imagePullSecrets": [{"name": "mirror"}]},
    "image by digest": {"image": {"digest": "sha256:" + "0" * 64}},
    "name": {"nameOverride": "ferry"},
    "full name": {"fullnameOverride": "a-full-name-that-is-longer-than-names-in-kubernetes-may-be"},
    "numbers of the cluster": {"securityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None,
                                                   "supplementalGroups": [2000]}},
    "autoscaling": {"reader": AUTOSCALING, "writer": AUTOSCALING},
    "streams": {"reader": {"streams": 7}, "writer": {"streams": 9}},
    **{f"all of {role}": {role: ROLE} for role in ROLES},
    "no network policy": {"networkPolicy": {"enabled": False}},
    "network policy": {"networkPolicy": {
        "clients": [{"podSelector": {"matchLabels": {"calls": "vecferry"}}}], "metricsFrom": POSTGRES,
        "postgres": {"to": POSTGRES, "ports": [6432]}, "tracingTo": POSTGRES}, "tracing": {"endpoint": "http://c"}},
    "service monitor": {"serviceMonitor": {"enabled": True, "interval": "5s", "labels": {"release": "prometheus"}}},
    "migration": MIGRATION,
    "migration with limits": merged(MIGRATION, {"migration": {
        "suspend": True, "backoffLimit": 1, "activeDeadlineSeconds": 3600, "ttlSecondsAfterFinished": 60,
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}}}),
    "test": {"test": {"connection": "orders-prod"}, **CONNECTIONS},
}
CASES["all together"] = merged(*CASES.values(), {"source": {"hostPath": "", "emptyDir": False},
                                                 "networkPolicy": {"enabled": True}, "serviceMonitor": {"enabled": True}})
