"""A cluster that runs pods, for tests of the chart on it: kubectl, helm, and one release in a namespace of its own.

Environment: KUBECONFIG = a cluster whose node sees this machine's folders and reaches its addresses;
VECFERRY_TEST_IMAGE = NAME:TAG of an image that the node has.
"""
import atexit
import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import yaml

from command import Server, scratch_folder
from tcp_proxy import Proxy, socket_path

CHART = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "helm" / "vecferry"
HELM = shutil.which("helm", path=os.pathsep.join([os.environ["PATH"], str(pathlib.Path.home() / ".cache/vecferry/tools")]))
KUBECTL = shutil.which("kubectl")
IMAGE = os.environ.get("VECFERRY_TEST_IMAGE", "")
ROLES = ("coordinator", "reader", "writer", "verifier")
BY_ITSELF = ("events", "events.events.k8s.io", "endpoints", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io",
             "pods.metrics.k8s.io")  # what a cluster makes and removes for others, some time later
EVENTS = "custom-columns=AT:.metadata.creationTimestamp,OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message"


def kubectl(*words, stdin=None, timeout=300):
    done = subprocess.run([KUBECTL, *words], input=stdin, capture_output=True, text=True, check=False, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr}")
    return done.stdout


def skip_without_cluster():
    """Ends the test as skipped, with the reason, where the chart cannot be run."""
    missing = ("there is no helm" if HELM is None else "there is no kubectl" if KUBECTL is None else
               "KUBECONFIG names no cluster" if not os.environ.get("KUBECONFIG") else
               "VECFERRY_TEST_IMAGE names no image" if ":" not in IMAGE else "")
    if not missing:
        try:
            kubectl("get", "--raw", "/readyz", "--request-timeout=5s")
            kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=5s")
        except AssertionError as error:
            missing = f"no cluster with a node answers: {str(error).strip()}"
    if missing:
        print(f"SKIPPED: {missing} (docs/kubernetes.md says how to run this test)")
        sys.exit(77)


def wait_for(what, condition, seconds=120, tell=str):
    """Asks until the answer is true, and returns it. `tell` says more when it does not come."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what} {tell()}")
        threading.Event().wait(0.3)  # each question costs the processors that are to do the work
    return answer


def machine_address():
    """This machine's address as pods see it: the one from which it reaches the node."""
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node, 9))
        return probe.getsockname()[0]


def make_certificates(folder):
    """A certificate of each role and of the client, signed by one authority; each with its key, for openssl."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    for role in (*ROLES, "client"):
        openssl("req", *key, "-subj", f"/CN=vecferry-{role}", "-keyout", f"{role}.key", "-out", "request")
        openssl("x509", "-req", "-days", "2", "-CAcreateserial", "-in", "request", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-out", f"{role}.crt")


class Destination:
    """A server of this process alone, which pods reach over TCP and by a password."""

    def __init__(self):
        self.server = Server(private=True)
        self.server.psql("postgres", "CREATE ROLE needs_password")
        self.server.psql("postgres", "CREATE ROLE carrier LOGIN SUPERUSER PASSWORD 'secret' IN ROLE needs_password")
        self.proxy = Proxy(socket_path(self.server.socket), machine_address())

    def url(self, database):
        return self.proxy.url(database, user="carrier:secret")


class Release:
    """The chart, once, in a namespace of its own that ends with the process; with the store's claim and its Secrets."""

    def __init__(self, name, store, url, port, values=()):
        self.name, self.namespace = name, f"vecferry-{name}-{os.getpid()}"
        self.store = store
        self.deleted = {}  # pods, each with what it had said
        repository, tag = IMAGE.rsplit(":", 1)
        self.values = ["image.repository=" + repository, "image.tag=" + tag, "source.claim=store",
                       "connections.secrets={destinations}", f"networkPolicy.postgres.ports={{{port}}}",
                       "migration.connection=there", *values]
        atexit.register(self.remove)
        self.apply({"apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": self.namespace,
                                 "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        self.apply(*self.volume())
        self.secret("destinations", {"there": url})

    def remove(self):
        kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=true")
        kubectl("delete", "persistentvolume", self.namespace, "--ignore-not-found")

    def apply(self, *objects):
        kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def volume(self):
        """The store's folder as a claim: bound by name, for there need be nothing that provides volumes."""
        common = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
        yield {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": self.namespace},
               "spec": {**common, "capacity": {"storage": "1Gi"}, "persistentVolumeReclaimPolicy": "Retain",
                        "claimRef": {"namespace": self.namespace, "name": "store"},
                        "hostPath": {"path": str(self.store.parent)}}}
        yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
               "metadata": {"name": "store", "namespace": self.namespace},
               "spec": {**common, "volumeName": self.namespace, "resources": {"requests": {"storage": "1Gi"}}}}

    def secret(self, name, entries):
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self.namespace},
                    "data": {key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
                             for key, value in entries.items()}})

    def use_tls(self):
        folder = scratch_folder()
        make_certificates(folder)
        for role in (*ROLES, "client"):
            self.secret(f"{self.name}-{role}", {"tls.crt": (folder / f"{role}.crt").read_bytes(),
                                                "tls.key": (folder / f"{role}.key").read_bytes(),
                                                "ca.crt": (folder / "ca.crt").read_bytes()})
            self.values.append(f"tls.secrets.{role}={self.name}-{role}")
        self.values.append("tls.mode=secret")

    def kubectl(self, *words, **options):
        return kubectl("--namespace", self.namespace, *words, **options)

    def get(self, kind, selector=""):
        return json.loads(self.kubectl("get", kind, "-o", "json", "--selector", selector))["items"]

    def helm(self, *words, code=0):
        done = subprocess.run([HELM, *words, "--namespace", self.namespace], capture_output=True, text=True, check=False,
                              timeout=400)
        if done.returncode != code:
            raise AssertionError(f"helm {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr  # logs of hooks come on stderr

    def install(self, *values):
        self.values += values
        words = [word for value in self.values for word in ("--set", value)]
        return self.helm("upgrade", "--install", self.name, CHART, *words, "--wait", "--timeout", "300s")

    def migrate(self, *values):
        """Starts the migration as the manual says."""
        return self.install("migration.enabled=true", f"migration.file={self.store.name}", *values)

    def uninstall(self):
        return self.helm("uninstall", self.name, "--wait", "--timeout", "120s")

    def everything(self):
        """The names of all that is in the namespace, as kind/name."""
        kinds = set(self.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()) - set(BY_ITSELF)
        return set(self.kubectl("get", ",".join(sorted(kinds)), "-o", "name", "--ignore-not-found").split())

    def pods(self, component):
        """Those that are not on their way out, the oldest first."""
        found = [pod for pod in self.get("pods", f"app.kubernetes.io/component={component}")
                 if "deletionTimestamp" not in pod["metadata"]]
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def delete(self, pod, *options):
        self.deleted[pod] = self.told("logs", pod, "--tail=15", "--timestamps")
        self.kubectl("delete", "pod", pod, "--wait=false", "--ignore-not-found", *options)

    def job(self):
        job, = self.get("jobs")
        return job

    def ended(self):
        """The Job's last condition once it has ended: Complete or Failed."""
        return [one for one in self.job()["status"].get("conditions", [])
                if one["type"] in ("Complete", "Failed") and one["status"] == "True"]

    def end(self, seconds=300):
        """Waits for the Job's end. What became of it, and the exit code as the manual finds it."""
        ended, = wait_for("the end of the migration", self.ended, seconds)
        code = self.kubectl("get", "pods", "-l", "app.kubernetes.io/component=migration",
                            "--sort-by=.metadata.creationTimestamp", "-o",
                            "jsonpath={.items[-1:].status.containerStatuses[0].state.terminated.exitCode}")
        return ended, int(code)

    def metric(self, pod, name):
        """The sum of one metric of a pod."""
        text = self.kubectl("get", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}:9090/proxy/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def told(self, *words):
        """What kubectl says of this namespace, or why it says nothing."""
        done = subprocess.run([KUBECTL, "--namespace", self.namespace, *words], capture_output=True, text=True, check=False,
                              timeout=60)
        return done.stdout + done.stderr

    def tell(self):
        """For the message of a failure: what there is, what happened, and what each pod said, also those deleted."""
        logs = [f"{role}:\n" + self.told("logs", f"--selector=app.kubernetes.io/component={role}", "--tail=15", "--prefix",
                                         "--timestamps") for role in (*ROLES, "migration")]
        return "\n".join([self.told("get", "pods,jobs", "-o", "wide"),
                          self.told("get", "events", "--sort-by=.metadata.creationTimestamp", "-o", EVENTS)[-12000:], *logs,
                          *(f"{pod}, before it was deleted:\n{log}" for pod, log in self.deleted.items())])
