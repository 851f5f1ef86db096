"""The memories themselves: knowledge_nodes, node_embeddings, memory_connections, domains, embedding_model."""
import datetime
import hashlib
import json
import struct
import uuid
from dataclasses import dataclass

from more_topics import MORE_TOPICS
from sentences import Teller
from topics import TOPICS

MODEL, DIMENSION = "sentence-transformers/all-MiniLM-L6-v2", 384
NOW = datetime.datetime(2026, 10, 30, 17, 0)
FIRST_DAY = datetime.datetime(2025, 9, 1, 8, 0)
UNEMBEDDED_SHARE = 0.03      # the program had not come round to these yet
EDGES_PER_MEMORY = 2         # at most


@dataclass
class Memory:
    id: str
    sentence: object
    created: datetime.datetime
    vector: list = None      # 384 floats, or None


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pack(vector):
    return struct.pack(f"<{len(vector)}f", *vector)


class Clock:
    """Times as the program writes them: RFC 3339, UTC, mostly nanoseconds, now and then fewer digits."""

    def __init__(self, pick):
        self.pick = pick

    def write(self, moment):
        digits = self.pick.choices([9, 6, 3, 0], weights=[88, 6, 3, 3])[0]
        fraction = f".{self.pick.randrange(10 ** digits):0{digits}}" if digits else ""
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "+00:00"

    def between(self, first, last=NOW):
        """A moment in office hours, more or less."""
        span = max(int((last - first).total_seconds()), 1)
        moment = first + datetime.timedelta(seconds=self.pick.randrange(span))
        if self.pick.random() < 0.8 and not 7 <= moment.hour < 19:
            moment = moment.replace(hour=7 + moment.hour % 12)
        return min(max(moment, first + datetime.timedelta(seconds=1)), last)


def new_id(pick):
    return str(uuid.UUID(int=pick.getrandbits(128), version=4))


def tell(pick, count):
    """`count` memories with different texts, oldest first, topics evenly told."""
    tellers = [Teller(topic, pick) for topic in TOPICS + MORE_TOPICS]
    clock, sentences = Clock(pick), {}
    while len(sentences) < count:
        sentence = tellers[len(sentences) % len(tellers)].tell()
        sentences.setdefault(sentence.text, sentence)
    moments = sorted(clock.between(FIRST_DAY) for _ in range(count))
    order = list(sentences.values())
    pick.shuffle(order)
    return [Memory(new_id(pick), sentence, moment) for sentence, moment in zip(order, moments)]


def dot(left, right):
    return sum(a * b for a, b in zip(left, right))


def mean(vectors):
    total = [sum(column) / len(vectors) for column in zip(*vectors)]
    norm = dot(total, total) ** 0.5
    return [value / norm for value in total]


def write_domains(database, pick, memories):
    """One domain a field of work; returns {name: (id, centroid)}."""
    clock, found = Clock(pick), {}
    names = list(dict.fromkeys(topic.domain for topic in TOPICS + MORE_TOPICS))
    for number, name in enumerate(names):
        members = [m for m in memories if m.sentence.tags[0] == name.replace(" ", "-") and m.vector]
        terms = [topic.name for topic in TOPICS + MORE_TOPICS if topic.domain == name]
        found[name.replace(" ", "-")] = (f"domain-{number:02}", mean([m.vector for m in members]))
        database.execute("INSERT INTO domains VALUES (?, ?, ?, ?, ?, ?)",
                         (f"domain-{number:02}", name.capitalize(), pack(found[name.replace(" ", "-")][1]),
                          compact(terms), len(members), clock.write(NOW - datetime.timedelta(days=3))))
    return found


def write_registry(database, pick):
    digest = hashlib.sha256(f"{MODEL}/{DIMENSION}".encode()).hexdigest()
    database.execute("INSERT INTO embedding_model VALUES (1, ?, ?, ?, ?)",
                     (MODEL, DIMENSION, digest, Clock(pick).write(FIRST_DAY)))


def write_nodes(database, pick, memories, domains):
    clock = Clock(pick)
    for number, memory in enumerate(memories):
        insert(database, "knowledge_nodes", node(pick, clock, memories, number, domains))
        if memory.vector:
            insert(database, "node_embeddings",
                   {"node_id": memory.id, "embedding": pack(memory.vector), "dimensions": DIMENSION, "model": MODEL,
                    "created_at": clock.write(memory.created), "version": 1})


def insert(database, table, row):
    places = ",".join("?" * len(row))
    database.execute(f"INSERT INTO {table} ({','.join(row)}) VALUES ({places})", list(row.values()))


def node(pick, clock, memories, number, domains):
    """One row of knowledge_nodes; columns that are left out take the schema's defaults."""
    memory = memories[number]
    created = clock.write(memory.created)
    changed = pick.random() < 0.3
    updated = clock.between(memory.created) if changed else memory.created
    accessed = clock.between(updated)
    reps = pick.choice([0, 0, 0, 1, 2, 3, 5, 8])
    retention = round(pick.uniform(0.35, 1.0), 3)
    domain, centroid = domains[memory.sentence.tags[0]]
    row = {
        "id": memory.id, "content": memory.sentence.text, "node_type": memory.sentence.node_type,
        "created_at": created, "updated_at": clock.write(updated) if changed else created,
        "last_accessed": clock.write(accessed), "stability": round(pick.uniform(0.3, 42), 6),
        "difficulty": pick.choice([2.11810397045901, 5.0, round(pick.uniform(1, 10), 8)]), "reps": reps,
        "lapses": pick.randrange(reps // 2 + 1), "learning_state": "new" if reps == 0 else pick.choice(
            ["learning", "review", "review", "relearning"]),
        "storage_strength": 1.0 + reps * 0.1, "retrieval_strength": round(pick.uniform(0.5, 1), 6),
        "retention_strength": retention, "sentiment_score": pick.choice([0.0, 0.0, round(pick.uniform(-1, 1), 3)]),
        "next_review": clock.write(accessed + datetime.timedelta(days=reps * 3 + 1)), "scheduled_days": reps * 3,
        "tags": compact(memory.sentence.tags), "times_retrieved": pick.randrange(reps + 1),
    }
    if memory.vector:
        row |= {"has_embedding": 1, "embedding_model": MODEL, "domains": compact([domain]),
                "domain_scores": compact({domain: round(dot(memory.vector, centroid), 6)})}
    if pick.random() < 0.5:
        row["source"] = pick.choice(["meeting notes", "chat", "pager log", f"notes/week-{pick.randint(1, 52):02}.md"])
    if pick.random() < 0.1:
        row |= tracked_issue(pick, clock, memory, number)
    if pick.random() < 0.05:
        row |= {"valid_from": clock.write(memory.created), "valid_until": clock.write(NOW + datetime.timedelta(30))}
    if pick.random() < 0.06:
        row |= {"scope": "session", "temporal_level": pick.choice(["daily", "weekly"]), "activation":
                round(pick.uniform(0, 4), 12)}
    if pick.random() < 0.03:
        row |= {"waking_tag": 1, "waking_tag_at": clock.write(accessed), "flashbulb": 1, "emotional_valence": -0.6,
                "sentiment_magnitude": 0.8}
    if pick.random() < 0.02:
        row |= {"suppression_count": 1, "suppressed_at": clock.write(accessed)}
    if pick.random() < 0.02:
        row |= {"protected": 1, "utility_score": 0.9, "times_useful": 4}
    if number + 40 < len(memories) and pick.random() < 0.02:
        row["superseded_by"] = memories[number + pick.randint(1, 40)].id
    return row


def tracked_issue(pick, clock, memory, number):
    """A memory that came from the team's issue tracker."""
    return {"source_system": "github", "source_id": str(2000 + number), "source_project": "tideline/harbour",
            "source_url": f"https://github.example.org/tideline/harbour/issues/{2000 + number}",
            "source_type": "issue", "source_author": pick.choice(["ada", "goran", "priya"]),
            "source_updated_at": clock.write(memory.created), "synced_at": clock.write(clock.between(memory.created)),
            "content_hash": hashlib.sha256(memory.sentence.text.encode()).hexdigest()}


def write_connections(database, pick, memories):
    """Connects what is about the same thing, strongest first, and what happened on one day."""
    clock, by_subject = Clock(pick), {}
    for memory in memories:
        earlier = by_subject.setdefault(memory.sentence.subject, [])
        if memory.vector:
            near = sorted(earlier, key=lambda other: -dot(other.vector, memory.vector))[:EDGES_PER_MEMORY]
            for other in near[:pick.randint(0, EDGES_PER_MEMORY)]:
                connect(database, pick, clock, memory, other, round(dot(other.vector, memory.vector), 9), "semantic")
            earlier.append(memory)
    linked = set(database.execute("SELECT source_id, target_id FROM memory_connections"))
    for earlier, later in zip(memories, memories[1:]):
        if earlier.created.date() == later.created.date() and (later.id, earlier.id) not in linked:
            if pick.random() < 0.2:
                connect(database, pick, clock, later, earlier, round(pick.uniform(0.2, 0.8), 6),
                        pick.choice(["temporal", "causal", "part_of", "user_defined"]))


def connect(database, pick, clock, source, target, strength, link_type):
    created = max(source.created, target.created)
    database.execute("INSERT INTO memory_connections VALUES (?, ?, ?, ?, ?, ?, ?)",
                     (source.id, target.id, strength, link_type, clock.write(created),
                      clock.write(clock.between(created)), pick.randrange(20)))
