"""Turns a topic into the sentences that its team would have kept."""
from dataclasses import dataclass, field

PEOPLE = ["Ada", "Benedikt", "Chiara", "Dmitri", "Esra", "Femke", "Goran", "Hana", "Ines", "Jónas", "Kamala", "Lucía",
          "Mikkel", "Noor", "Oskar", "Priya"]
HARBOURS = ["Grimsund", "Old Pier", "Saltby", "Varnholm", "Eastmole", "Kesselhaven", "Brae Point", "Lindøy",
            "Port Maren", "Tarrow", "Skerry Bay", "Santa Eira", "Nordhaken", "Fairlead", "Quill Harbour"]
OCCASIONS = ["during the regatta", "after the long weekend", "on the first warm Saturday", "in the week of the storm",
             "while the harbour master was away", "on the day of the release", "during the school holidays",
             "shortly after midnight", "in the Monday call", "when the charter fleet came in"]
CHANNELS = ["stand-up", "the retrospective", "the planning round", "a call with the harbour", "the review",
            "the corridor", "the incident channel"]


@dataclass
class Sentence:
    node_type: str
    text: str
    tags: list = field(default_factory=list)
    subject: str = ""    # which statement of the topic it is about: sentences with one subject get connected


def upper(text):
    return text[0].upper() + text[1:]


def listing(steps):
    return "".join(f"\n{number}. {upper(step)}." for number, step in enumerate(steps, start=1))


class Teller:
    """Tells one topic in many ways; all choices come from `pick`, a seeded random.Random."""

    def __init__(self, topic, pick):
        self.topic, self.pick = topic, pick

    def _common(self):
        pick, topic = self.pick, self.topic
        first, second = pick.sample(PEOPLE, 2)
        side = pick.randrange(2)
        what, least, most, unit = topic.metric
        low, high = sorted(pick.sample(range(least, most + 1), 2))
        return {"p": first, "q": second, "h": pick.choice(HARBOURS), "g": pick.choice(HARBOURS),
                "when": pick.choice(OCCASIONS), "where": pick.choice(CHANNELS), "n": pick.randint(least, most),
                "m": pick.randint(least, most), "low": low, "high": high, "what": what, "unit": unit,
                "name": topic.name, "system": topic.system,
                "symptom": topic.symptoms[side], "cause": topic.causes[side], "fix": topic.fixes[side],
                "other": topic.symptoms[1 - side], "chosen": topic.chosen, "rejected": topic.rejected,
                "reason": topic.reason, "step": pick.choice(topic.steps), "incident": pick.randint(100, 989),
                "ticket": f"TIDE-{pick.randint(1000, 4999)}", "side": side}

    def tell(self):
        """One sentence or two about the topic."""
        common = self._common()
        node_type, tags, subject, text = self.pick.choices(TEMPLATES, weights=[t[4] for t in TEMPLATES])[0][:4]
        text = upper(text.format(list=listing(self.topic.steps), **common))
        found = [self.topic.domain.replace(" ", "-"), self.topic.name.replace(" ", "-")] + list(tags)
        if common["h"] in text and self.pick.random() < 0.4:
            found.append("harbour:" + common["h"].lower().replace(" ", "-"))
        return Sentence(node_type, text, found, f"{self.topic.name}/{subject}{common['side']}")


# node_type, tags, subject, text, weight. One topic is told about thirty times, so the choices have to be many.
TEMPLATES = [
    ("event", ["incident"], "case", "Incident {incident}: {symptom} at {h}. {p} found that {cause}.", 3),
    ("event", ["incident"], "case", "At {h} {symptom}, {when}. {p} and {q} looked into it: {cause}.", 3),
    ("event", ["bug-fix"], "case", "{p} {fix} ({ticket}). Before that, {symptom} at {h}.", 3),
    ("event", ["release"], "case", "Released to {h}, {when}: {p} {fix}. Nothing unusual since.", 2),
    ("event", [], "metric", "We looked at {name} in {where}: {what} at {h} went from {n} to {m} {unit}.", 2),
    ("event", ["visit"], "case", "{p} visited {h} {when} and heard again that {symptom}.", 2),
    ("decision", ["decision"], "choice", "For {name} we chose {chosen} over {rejected}: {reason}.", 1),
    ("decision", ["decision"], "choice",
     "{p} asked for {rejected} {when}. We stay with {chosen}, because {reason}.", 2),
    ("decision", ["decision"], "choice",
     "Agreed with {h}: {chosen} from now on, not {rejected}. {p} tells the others.", 2),
    ("decision", ["decision", "deferred"], "case",
     "{ticket} is put off until autumn: {symptom} at {h}, it is true, but {p} has a way around it.", 2),
    ("fact", ["measured"], "metric", "{h}, {what}: {n} {unit}, measured by {p} {when}.", 2),
    ("fact", [], "metric", "For {system} {low} {unit} is the usual figure ({what}); {p} wants to know of {high}.", 2),
    ("fact", [], "case", "When {symptom} at {h}, the reason was that {cause} ({ticket}).", 2),
    ("fact", [], "choice", "{system} has relied on {chosen} since {p} joined; {rejected} had been tried at {h}.", 2),
    ("fact", [], "owner", "{p} looks after {system} at {h}; {q} stands in {when}.", 2),
    ("concept", [], "choice", "What {p} means by {name}: whatever made it possible that {symptom} at {h}.", 2),
    ("concept", [], "choice", "The idea behind {chosen}, as {p} explained it in {where}: {reason}.", 2),
    ("procedure", ["how-to"], "steps", "How {p} handles {name} at {h}:{list}", 2),
    ("procedure", ["how-to"], "steps", "Before touching {system} at {h}: {step}, and tell {p}.", 2),
    ("procedure", ["how-to"], "steps",
     "Last time at {h} {symptom}. The next time: {step}, then call {p}. Do not restart anything.", 2),
    ("pattern", ["pattern"], "case", "Seen three times now, last at {h}: {symptom}, because {cause}.", 2),
    ("pattern", ["pattern"], "case", "{h} and {g} had the same week: {symptom} here, {other} there.", 2),
    ("note", [], "owner", "Ask {p} in {where} whether {h} also needs what {q} did: {fix}.", 2),
    ("note", ["idea"], "choice", "Idea from {where}: {chosen} for {h} too. {p} is not convinced, {q} is.", 2),
    ("note", ["todo"], "steps", "{p} still has to {step} for {h} ({ticket}).", 2),
    ("note", ["question"], "case",
     "At {h} {symptom}, and a guest told us. {q} asks how we could have seen it first.", 2),
    ("person", ["people"], "owner", "{p} knows {system} at {h} best; the place to ask is {where}.", 1),
    ("person", ["people"], "owner", "{p} prefers to hear about {name} in writing, {q} by phone.", 1),
    ("person", ["people", "customer"], "owner",
     "The harbour master of {h} has not forgotten that {symptom}; {p} has promised an answer.", 1),
    ("code", ["code"], "case", "The comment above the guard in {system} says: {cause}, see {ticket} ({p}, {when}).", 1),
]
