"""What the Helm chart renders, for values that use every switch: what a cluster would refuse, or not find, or let through."""
import copy
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from chart import (CASES, MIGRATION, ROLES, defaults, helm, leaves, merged, of_kind, pods,  # noqa: E402
                   render, skip_without_helm, without)

skip_without_helm()

RENDERED = {name: render(values) for name, values in CASES.items()}
# Pod Security "restricted": the kinds of volume that it lets through.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
# Maps whose entries are the user's.
FREE = {"podAnnotations", "podLabels", "nodeSelector", "affinity", "requests", "limits", "labels"}


def arguments(pod):
    """Returns the flags of its container: a map, None for one without a value."""
    words = [word for word in pod["spec"]["containers"][0]["args"] if word.startswith("--")]
    return {word.split("=", 1)[0]: (word.split("=", 1) + [None])[1] for word in words}


def each_pod(test):
    """Runs the test for every pod of every case, with the case's values, its objects, the pod's component and the pod."""
    def run(self):
        for case, objects in RENDERED.items():
            for component, pod in pods(objects).items():
                with self.subTest(case=case, component=component):
                    test(self, CASES[case], objects, component, pod)
    return run


class Chart(unittest.TestCase):
    def test_lints(self):
        for case, values in CASES.items():
            done = helm("lint", values)
            self.assertEqual(done.returncode, 0, f"{case}: {done.stdout}{done.stderr}")

    def test_every_value_is_in_a_case_and_changes_something(self):
        used = {path for values in CASES.values() for path in leaves(values)}
        unused = [path for path in leaves(defaults())
                  if not any(path[:len(one)] == one or one[:len(path)] == path for one in used)]
        self.assertEqual(unused, [])
        for case, values in CASES.items():
            with_all = helm("template", values).stdout
            # All together would tell only what the others told.
            for path in leaves(values) if case != "all together" else []:
                done = helm("template", without(values, path))
                self.assertTrue(done.returncode != 0 or done.stdout != with_all, f"{case}: {'.'.join(path)} changes nothing")

    @each_pod
    def test_pods_pass_the_restricted_level(self, values, _, __, pod):
        spec, own = pod["spec"], pod["spec"]["securityContext"]
        self.assertFalse({"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} & spec.keys())
        self.assertTrue(own["runAsNonRoot"])
        self.assertNotEqual(own.get("runAsUser"), 0)
        self.assertEqual(own["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertFalse({"sysctls", "seLinuxOptions", "windowsOptions"} & own.keys())
        allowed = VOLUMES | ({"hostPath"} if values.get("source", {}).get("hostPath") else set())
        for volume in spec.get("volumes") or []:
            self.assertLessEqual(volume.keys() - {"name"}, allowed)
        container, = spec["containers"]
        self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                        "capabilities": {"drop": ["ALL"]}})
        self.assertFalse(any("hostPort" in port for port in container.get("ports", [])))
        self.assertIs(spec["automountServiceAccountToken"], False)
        self.assertIs(spec["enableServiceLinks"], False)
        self.assertLessEqual({"cpu", "memory"}, container["resources"]["requests"].keys())
        self.assertIn("memory", container["resources"]["limits"])

    @each_pod
    def test_account_without_a_token(self, _, objects, __, pod):
        self.assertIs(of_kind(objects, "ServiceAccount")[pod["spec"]["serviceAccountName"]]["automountServiceAccountToken"],
                      False)

    @each_pod
    def test_probes_and_time_to_drain(self, values, _, component, pod):
        if component not in ROLES:
            return
        container, = pod["spec"]["containers"]
        flags, ports = arguments(pod), {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe, page in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            self.assertEqual(container[probe]["httpGet"], {"path": page, "port": "metrics"})
        self.assertEqual((flags["--metrics-listen"], flags["--listen"]),
                         (f"0.0.0.0:{ports['metrics']}", f"0.0.0.0:{ports['grpc']}"))
        self.assertEqual(int(flags["--drain-timeout"]), values.get("drainTimeoutSeconds", 30))
        # The programs cut calls off 5 s after their drain timeout.
        self.assertGreaterEqual(pod["spec"]["terminationGracePeriodSeconds"], int(flags["--drain-timeout"]) + 10)

    def test_flags_of_each_role(self):
        objects = RENDERED["migration"]
        services, found = of_kind(objects, "Service"), pods(objects)
        common = {"--listen", "--metrics-listen", "--drain-timeout", "--log-level", "--log-format", "--insecure"}
        own = {"coordinator": {"--connections-dir", "--scratch-dir"},
               "reader": {"--coordinator", "--advertise", "--scratch-dir", "--streams"},
               "writer": {"--coordinator", "--advertise", "--connections-dir", "--streams"},
               "verifier": {"--coordinator", "--advertise", "--connections-dir", "--scratch-dir"}}
        for role, flags in own.items():
            self.assertEqual(arguments(found[role]).keys(), common | flags, role)
            self.assertEqual(found[role]["spec"]["containers"][0]["command"], [f"vecferry-{role}"])
            if role != "coordinator":
                self.assertEqual(arguments(found[role])["--advertise"], "$(POD_IP):7070")
                host, port = arguments(found[role])["--coordinator"].split(":")
                self.assertEqual((services[host]["spec"]["clusterIP"], services[host]["spec"]["publishNotReadyAddresses"],
                                  services[host]["spec"]["ports"][0]["port"]), ("None", True, int(port)))
        for client in ("migration", "test"):
            host, port = arguments(found[client])["--coordinator"].split(":")
            self.assertFalse({"clusterIP", "publishNotReadyAddresses"} & services[host]["spec"].keys())
            self.assertEqual(services[host]["spec"]["ports"][0]["port"], int(port))
        self.assertEqual(found["test"]["spec"]["containers"][0]["args"][:3],
                         ["migrate", "list", "--to-connection=orders-prod"])
        self.assertEqual(found["migration"]["spec"]["containers"][0]["args"],
                         ["migrate", "copy", "--from=sqlite", "--to=postgres",
                          "--sqlite-path=/var/lib/vecferry/source/team a/memories.db", "--to-connection=orders-prod",
                          "--progress=plain", "--schema=archive", "--coordinator=first-vecferry-coordinator:7070",
                          "--insecure"])
        streams = pods(RENDERED["streams"])
        self.assertEqual([arguments(streams[role])["--streams"] for role in ("reader", "writer")], ["7", "9"])

    @each_pod
    def test_what_flags_name_is_mounted(self, _, __, component, pod):
        container, = pod["spec"]["containers"]
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
        mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts") or []}
        self.assertEqual(volumes.keys(), {mount["name"] for mount in mounts.values()})
        for flag, read_only in (("--connections-dir", True), ("--scratch-dir", False)):
            folder = arguments(pod).get(flag)
            self.assertTrue(folder is None or mounts[folder].get("readOnly", False) == read_only, flag)
        for variable in container.get("env", []):
            self.assertTrue(variable["name"] != "TMPDIR" or variable["value"] in mounts)
        if "source" in volumes:
            self.assertEqual(component, "coordinator")
            self.assertTrue(mounts["/var/lib/vecferry/source"]["readOnly"])
            self.assertTrue(volumes["source"].get("persistentVolumeClaim", {"readOnly": True})["readOnly"])

    def test_volumes_by_value(self):
        def volume(case, role, name):
            return [one for one in pods(RENDERED[case])[role]["spec"]["volumes"] or [] if one["name"] == name]

        for role in ("coordinator", "writer", "verifier"):
            one, = volume("connections", role, "connections")
            self.assertEqual([source["secret"]["name"] for source in one["projected"]["sources"]],
                             ["orders-databases", "archive-databases"])
        for role in ("coordinator", "reader", "verifier"):
            self.assertEqual(volume("scratch claim", role, "scratch")[0]["persistentVolumeClaim"], {"claimName": "shared"})
            self.assertEqual(volume("scratch size", role, "scratch")[0]["emptyDir"], {"sizeLimit": "200Gi"})
        for case, kind in (("source claim", "persistentVolumeClaim"), ("source on the host", "hostPath"),
                           ("source in an emptyDir", "emptyDir")):
            self.assertIn(kind, volume(case, "coordinator", "source")[0])

    @each_pod
    def test_tls_by_mode(self, values, objects, component, pod):
        files = {f"--tls-{flag}": f"/etc/vecferry/tls/{name}"
                 for flag, name in (("cert", "tls.crt"), ("key", "tls.key"), ("ca", "ca.crt"))}
        mode = values.get("tls", {}).get("mode", "none")
        flags = {flag: value for flag, value in arguments(pod).items() if flag == "--insecure" or "--tls" in flag}
        secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["spec"].get("volumes") or []
                   if "secret" in volume}
        mounts = {mount["name"]: mount["mountPath"] for mount in pod["spec"]["containers"][0].get("volumeMounts") or []}
        certificates = {item["spec"]["secretName"]: item["spec"] for item in of_kind(objects, "Certificate").values()}
        if mode == "none":
            self.assertEqual((flags, secrets, certificates), ({"--insecure": None}, {}, {}))
            return
        self.assertEqual((flags, mounts["tls"]), (files, "/etc/vecferry/tls"))
        role = component if component in ROLES else "client"
        own = values["tls"].get("secrets", {}).get(role, f"first-vecferry-{role}-tls")
        if "fullnameOverride" not in values:
            self.assertEqual(secrets, {"tls": own})
        if mode == "certManager":
            certificate = certificates[secrets["tls"]]
            for name in [certificate["commonName"], *certificate["dnsNames"]]:
                self.assertEqual(name.split(".")[0], f"vecferry-{role}")
            self.assertLessEqual({"server auth", "client auth"}, set(certificate["usages"]))
            issuer = certificate["issuerRef"]
            self.assertIn(issuer["name"], {*of_kind(objects, "Issuer"), "company"})
        else:
            self.assertEqual(certificates, {})

    def test_no_secret_passes_through_the_chart(self):
        for case, objects in RENDERED.items():
            self.assertEqual(of_kind(objects, "Secret"), {}, case)
            for pod in pods(objects).values():
                for variable in pod["spec"]["containers"][0].get("env", []):
                    self.assertNotIn("secretKeyRef", variable.get("valueFrom", {}))
            self.assertNotRegex(str(objects), r"(?i)postgres(ql)?://|password|PRIVATE KEY")
        for values in ({"connections": {"secrets": ["postgresql://me:secret@host/db"]}},
                       {"connections": {"orders": "postgresql://me:secret@host/db"}},
                       {"migration": {"connection": "postgresql://me:secret@host/db"}}):
            self.assertNotEqual(helm("template", values).returncode, 0, values)

    def test_refuses_misspelt_values_everywhere(self):
        values, places = copy.deepcopy(defaults()), []

        def misspell(inner, path):
            inner["mispelt"] = 1
            places.append("/".join(["", *path]))
            for name, value in list(inner.items()):
                if isinstance(value, dict) and name not in FREE:
                    misspell(value, (*path, name))

        misspell(values, ())
        done = helm("template", values)
        self.assertNotEqual(done.returncode, 0)
        refused = re.findall(r"at '([^']*)': additional properties 'mispelt' not allowed", done.stderr)
        self.assertEqual(sorted(refused), sorted(places))

    def test_hooks_leave_nothing_that_uninstall_would_not_remove(self):
        for item in RENDERED["migration"]:
            notes = item["metadata"].get("annotations", {})
            if "helm.sh/hook" in notes:
                for policy in ("hook-delete-policy", "hook-output-log-policy"):
                    self.assertLessEqual({"hook-succeeded", "hook-failed"}, set(notes[f"helm.sh/{policy}"].split(",")))

    def test_an_option_list_may_be_null(self):
        job, = of_kind(render(merged(MIGRATION, {"migration": {"options": None}})), "Job").values()
        self.assertNotIn("--schema=archive", job["spec"]["template"]["spec"]["containers"][0]["args"])

    def test_refuses_what_cannot_work(self):
        for values, named in (
                ({"tls": {"mode": "on"}}, "/tls/mode"), ({"writer": {"streams": 0}}, "/writer/streams"),
                ({"reader": {"streams": 65}}, "/reader/streams"),
                ({"drainTimeoutSeconds": "30"}, "/drainTimeoutSeconds"), ({"logLevel": "loud"}, "/logLevel"),
                ({"tracing": {"endpoint": "collector:4317"}}, "/tracing/endpoint"),
                ({"securityContext": {"runAsUser": 0}}, "/securityContext/runAsUser"),
                (merged(MIGRATION, {"migration": {"file": "../other.db"}}), "/migration/file"),
                (merged(MIGRATION, {"source": {"emptyDir": True}}), "give one of claim, hostPath and emptyDir"),
                (merged(MIGRATION, {"source": {"claim": ""}}), "set source.claim"),
                (merged(MIGRATION, {"migration": {"connection": ""}}), "migration.connection"),
                (merged(MIGRATION, {"connections": {"secrets": []}}), "connections.secrets")):
            done = helm("template", values)
            self.assertNotEqual(done.returncode, 0, values)
            self.assertIn(named, done.stderr)


if __name__ == "__main__":
    unittest.main()
