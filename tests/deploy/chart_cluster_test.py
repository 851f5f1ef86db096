"""How the objects of the Helm chart find one another: selectors, names, who may call whom, what a Job does with an exit code."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from chart import CASES, MIGRATION, ROLES, merged, of_kind, pods, render, skip_without_helm  # noqa: E402

skip_without_helm()

RENDERED = {name: render(values) for name, values in CASES.items()}
COMPONENT = "app.kubernetes.io/component"


def selects(selector, labels):
    for rule in selector.get("matchExpressions", []):
        if (labels.get(rule["key"]) in rule["values"]) != (rule["operator"] == "In"):
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


def labels_of(objects):
    return {component: pod["metadata"]["labels"] for component, pod in pods(objects).items()}


def selected(selector, objects):
    return {component for component, labels in labels_of(objects).items() if selects(selector, labels)}


def may_call(objects, caller, called, port):
    """Evaluates the network policies: the called pod's own must let the caller in, the caller's must let it out."""
    labels, ways = labels_of(objects), []
    for pod, direction, peers, other in ((called, "ingress", "from", caller), (caller, "egress", "to", called)):
        rules = [rule for policy in of_kind(objects, "NetworkPolicy").values()
                 if selects(policy["spec"]["podSelector"], labels[pod]) for rule in policy["spec"].get(direction, [])]
        ways.append(any(port in [one["port"] for one in rule["ports"]] and
                        (peers not in rule or any(selects(peer["podSelector"], labels[other]) for peer in rule[peers]
                                                  if "podSelector" in peer)) for rule in rules))
    return all(ways)


def outcome(job, code):
    """Says what the Job does when its container ends with the code, as the API documents podFailurePolicy."""
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        if "onExitCodes" in rule and (code in rule["onExitCodes"]["values"]) == (rule["onExitCodes"]["operator"] == "In"):
            return rule["action"]
    return "Count"


def each_case(test):
    """Runs the test for every case, with its values and its objects."""
    def run(self):
        for case, objects in RENDERED.items():
            with self.subTest(case=case):
                test(self, CASES[case], objects)
    return run


class Cluster(unittest.TestCase):
    @each_case
    def test_selectors_find_their_pods_and_no_others(self, _, objects):
        for name, item in of_kind(objects, "Deployment").items():
            role = item["metadata"]["labels"][COMPONENT]
            self.assertEqual(selected(item["spec"]["selector"], objects), {role}, name)
        for name, item in of_kind(objects, "PodDisruptionBudget").items():
            role = item["metadata"]["labels"][COMPONENT]
            self.assertEqual(selected(item["spec"]["selector"], objects), {role}, name)
            self.assertEqual(item["spec"]["maxUnavailable"], 1)
        for name, item in of_kind(objects, "Service").items():
            found = selected({"matchLabels": item["spec"]["selector"]}, objects)
            self.assertEqual(found, set(ROLES) if name.endswith("-metrics") else {"coordinator"}, name)
            for component in found:
                ports = {port["name"]: port["containerPort"]
                         for port in pods(objects)[component]["spec"]["containers"][0]["ports"]}
                for port in item["spec"]["ports"]:
                    self.assertEqual(ports[port["targetPort"]], port["port"], name)

    @each_case
    def test_each_role_has_its_budget_unless_it_is_off(self, values, objects):
        self.assertEqual({item["metadata"]["labels"][COMPONENT]
                          for item in of_kind(objects, "PodDisruptionBudget").values()},
                         {role for role in ROLES if values.get(role, {}).get("podDisruptionBudget", True)})

    @each_case
    def test_autoscalers_name_deployments_that_leave_replicas_to_them(self, values, objects):
        scaled = set()
        for item in of_kind(objects, "HorizontalPodAutoscaler").values():
            target = item["spec"]["scaleTargetRef"]
            deployment = of_kind(objects, target["kind"])[target["name"]]
            self.assertEqual((deployment["apiVersion"], "replicas" in deployment["spec"]), (target["apiVersion"], False))
            scaled.add(deployment["metadata"]["labels"][COMPONENT])
        self.assertEqual(scaled, {role for role in ROLES if values.get(role, {}).get("autoscaling", {}).get("enabled")})
        for deployment in of_kind(objects, "Deployment").values():
            self.assertEqual("replicas" in deployment["spec"], deployment["metadata"]["labels"][COMPONENT] not in scaled)

    def test_releases_side_by_side(self):
        other = labels_of(render(MIGRATION, release="second"))
        for item in RENDERED["migration"]:
            selector = item.get("spec", {}).get("selector") or item.get("spec", {}).get("podSelector")
            if selector:
                selector = {"matchLabels": selector} if item["kind"] == "Service" else selector
                self.assertFalse([one for one in other.values() if selects(selector, one)], item["metadata"]["name"])

    @each_case
    def test_names_are_short_enough_and_unique(self, _, objects):
        names = [(item["kind"], item["metadata"]["name"]) for item in objects]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(max(len(name) for _, name in names), 63)

    def test_service_monitor_finds_the_metrics(self):
        objects = RENDERED["service monitor"]
        monitor, = of_kind(objects, "ServiceMonitor").values()
        found = [item for item in of_kind(objects, "Service").values()
                 if selects(monitor["spec"]["selector"], item["metadata"]["labels"])]
        self.assertEqual([item["metadata"]["name"] for item in found], ["first-vecferry-metrics"])
        self.assertIn(monitor["spec"]["endpoints"][0]["port"], [port["name"] for port in found[0]["spec"]["ports"]])

    def test_only_those_may_call_who_have_a_reason(self):
        objects = RENDERED["migration"]
        everyone = set(labels_of(objects))
        self.assertEqual(everyone, {*ROLES, "migration", "test"})
        callers = {called: {caller for caller in everyone if may_call(objects, caller, called, 7070)} for called in everyone}
        self.assertEqual(callers, {"coordinator": everyone, "reader": {"coordinator"}, "writer": {"coordinator", "reader"},
                                   "verifier": {"coordinator"}, "migration": set(), "test": set()})
        policies = of_kind(RENDERED["network policy"], "NetworkPolicy")
        reach = {name.rsplit("-", 1)[1]: [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
                 for name, policy in policies.items()}
        self.assertEqual({role for role, ports in reach.items() if 6432 in ports}, {"coordinator", "writer", "verifier"})
        self.assertEqual({role for role, ports in reach.items() if 4317 in ports}, set(ROLES))
        self.assertEqual([role for role, ports in reach.items() if 5432 in ports], [])
        rules = policies["first-vecferry-coordinator"]["spec"]["ingress"]
        self.assertIn({"podSelector": {"matchLabels": {"calls": "vecferry"}}}, rules[0]["from"])

    def test_what_a_job_does_with_an_exit_code(self):
        job, = of_kind(RENDERED["migration"], "Job").values()
        self.assertEqual([outcome(job, code) for code in (1, 2, 3, 4, 130, 137)],
                         ["Count", "FailJob", "FailJob", "FailJob", "Ignore", "Count"])
        self.assertIn({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                      job["spec"]["podFailurePolicy"]["rules"])
        pod = job["spec"]["template"]["spec"]
        self.assertEqual(pod["restartPolicy"], "Never")
        for rule in job["spec"]["podFailurePolicy"]["rules"]:
            self.assertEqual(rule.get("onExitCodes", {}).get("containerName", "migration"), pod["containers"][0]["name"])

    def test_a_job_that_cannot_be_changed_is_another_job(self):
        def job(change, **more):
            return of_kind(render(merged(MIGRATION, {"migration": change}, more)), "Job").popitem()

        name, before = job({})
        self.assertEqual(job({})[0], name)
        self.assertEqual(job({"suspend": True})[0], name)  # the one field of these that may change
        for change, more in (({"options": ["--schema=other"]}, {}), ({"backoffLimit": 0}, {}), ({"file": "b.db"}, {}),
                             ({"ttlSecondsAfterFinished": 9}, {}), ({}, {"image": {"tag": "2"}}),
                             ({}, {"tls": {"mode": "secret"}}), ({}, {"securityContext": {"runAsUser": 1000}})):
            self.assertNotEqual(job(change, **more)[0], name, (change, more))

    def test_pods_that_are_to_be_spread_are_counted(self):
        for role in ROLES:
            constraint, = pods(RENDERED[f"all of {role}"])[role]["spec"]["topologySpreadConstraints"]
            self.assertEqual((constraint["topologyKey"], selected(constraint["labelSelector"], RENDERED["default"])),
                             ("zone", {role}))

    def test_standbys_and_tracing(self):
        deployment = of_kind(render({"coordinator": {"replicas": 2}}), "Deployment")["first-vecferry-coordinator"]
        self.assertEqual(deployment["spec"]["replicas"], 2)
        for case, expected in (("default", set()), ("tracing", {"ENDPOINT", "SERVICE_NAME", "RESOURCE_ATTRIBUTES",
                                                                "TRACES_SAMPLER", "TRACES_SAMPLER_ARG"})):
            for role in ROLES:
                names = {one["name"].replace("OTEL_", "").replace("EXPORTER_OTLP_", "")
                         for one in pods(RENDERED[case])[role]["spec"]["containers"][0]["env"] if "OTEL_" in one["name"]}
                self.assertEqual(names, expected, role)


if __name__ == "__main__":
    unittest.main()
