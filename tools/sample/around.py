"""Everything around the memories: how they were used, reviewed, merged, composed; a few rows in every table."""
import datetime
import hashlib

from memories import NOW, Clock, compact, insert, new_id

QUESTIONS = ["why do we lock the slot row?", "what went wrong with the month-end run?", "who knows the tile server?",
             "which harbours had gaps in their readings?", "how is a refund checked?",
             "what did we decide about alerts?", "how do we rebuild the vector index?", "why are seasons half open?"]
PLANS = ["Time the monthly restore", "Ask Saltby about its new gauge", "Renew the certificate of the test tunnel",
         "Collect twenty real questions for the search", "Show the preview of rules to Port Maren"]


def write_use(database, pick, memories):
    """States, review cards, the access log and what it led to."""
    clock = Clock(pick)
    for memory in pick.sample(memories, 200):
        insert(database, "memory_states",
               {"memory_id": memory.id, "state": pick.choices(["active", "dormant", "silent"], weights=[90, 7, 3])[0],
                "last_access": clock.write(clock.between(memory.created)), "access_count": pick.randint(1, 30),
                "state_entered_at": clock.write(memory.created), "time_active_seconds": pick.randrange(90000)})
    for memory in pick.sample(memories, 180):
        reviewed = clock.between(memory.created)
        insert(database, "fsrs_cards",
               {"memory_id": memory.id, "difficulty": round(pick.uniform(1, 10), 8), "state": pick.choice(
                   ["learning", "review"]), "stability": round(pick.uniform(0.3, 42), 6), "reps": pick.randint(1, 8),
                "last_review": clock.write(reviewed), "due_date": clock.write(reviewed + datetime.timedelta(days=5)),
                "elapsed_days": pick.randrange(9), "scheduled_days": 5})
    for moment in sorted(clock.between(NOW - datetime.timedelta(days=60)) for _ in range(400)):
        memory = pick.choice([m for m in pick.sample(memories, 9) if m.created <= moment] or memories[:1])
        insert(database, "memory_access_log",
               {"node_id": memory.id, "accessed_at": clock.write(moment), "access_type": pick.choices(
                   ["search_hit", "promote", "demote"], weights=[80, 15, 5])[0]})
    for memory in pick.sample(memories, 30):
        insert(database, "state_transitions",
               {"memory_id": memory.id, "from_state": "active", "to_state": "dormant", "reason_type": "time_decay",
                "timestamp": clock.write(clock.between(memory.created))})
    insert(database, "fsrs_config", {"key": "w20", "value": 0.1542, "updated_at": clock.write(NOW)})


def write_history(database, pick, memories):
    """What the program did by itself, night after night, and what was deleted."""
    clock = Clock(pick)
    for night in range(12, 0, -1):
        moment = NOW.replace(hour=3) - datetime.timedelta(days=night * 7)
        insert(database, "consolidation_history",
               {"completed_at": clock.write(moment), "duration_ms": pick.randint(120, 900), "memories_replayed":
                pick.randint(100, 500), "connections_found": pick.randrange(30), "activations_computed": 400})
        insert(database, "dream_history",
               {"dreamed_at": clock.write(moment), "duration_ms": 1000 + night, "memories_replayed": 50,
                "connections_found": pick.randrange(9), "insights_generated": 1, "phase_nrem1_ms": 100,
                "phase_rem_ms": 300})
        insert(database, "retention_snapshots",
               {"snapshot_at": clock.write(moment), "avg_retention": round(pick.uniform(0.7, 0.8), 15),
                "total_memories": len(memories) - night * 15, "memories_below_target": pick.randrange(40)})
    for _ in range(6):
        gone, moment = new_id(pick), clock.between(NOW - datetime.timedelta(days=90))
        insert(database, "sync_tombstones", {"table_name": "knowledge_nodes", "row_id": gone,
                                             "deleted_at": clock.write(moment), "reason": "purge_node"})
        insert(database, "deletion_tombstones",
               {"memory_id": gone, "deleted_at": clock.write(moment), "reason": "asked to be forgotten",
                "node_type": "person", "tags": compact(["people"]), "edges_pruned": pick.randrange(4)})
    insert(database, "connector_cursors",
           {"source_system": "github", "scope": "tideline/harbour", "cursor_updated_at": clock.write(NOW),
            "last_synced_at": clock.write(NOW), "records_seen": 100})


def write_thoughts(database, pick, memories):
    """Intentions, insights, sessions, merges and compositions."""
    clock = Clock(pick)
    for number, content in enumerate(PLANS * 3):
        created = clock.between(NOW - datetime.timedelta(days=120))
        insert(database, "intentions",
               {"id": new_id(pick), "content": content, "trigger_type": "time", "priority": 1 + number % 3,
                "trigger_data": compact({"at": clock.write(created + datetime.timedelta(days=7))}), "tags": '["todo"]',
                "status": "fulfilled" if number % 3 == 0 else "active", "created_at": clock.write(created),
                "deadline": clock.write(created + datetime.timedelta(days=14)),
                "related_memories": compact([memory.id for memory in pick.sample(memories, 2)])})
    for first, second in zip(memories[::50], memories[1::50]):
        insert(database, "insights",
               {"id": new_id(pick), "insight": f"{first.sentence.tags[1]} and {second.sentence.tags[1]} share a cause",
                "source_memories": compact([first.id, second.id]), "confidence": round(pick.uniform(0.3, 0.9), 3),
                "novelty_score": 0.5, "insight_type": pick.choice(["hidden_connection", "Synthesis"]),
                "generated_at": clock.write(clock.between(second.created)), "tags": '["auto"]'})
    for week in range(10):
        started = NOW.replace(hour=9) - datetime.timedelta(days=7 * week)
        insert(database, "sessions",
               {"id": new_id(pick), "started_at": clock.write(started), "context": compact({"project": "tideline"}),
                "ended_at": clock.write(started + datetime.timedelta(hours=2)), "memory_count": pick.randrange(9)})
    for survivor, member in zip(memories[10:600:150], memories[11:600:150]):
        plan = new_id(pick)
        insert(database, "merge_plans",
               {"id": plan, "kind": "merge", "status": "applied", "created_at": clock.write(member.created),
                "applied_at": clock.write(clock.between(member.created)), "survivor_id": survivor.id,
                "member_ids": compact([survivor.id, member.id]), "confidence": 0.91, "payload": "{}"})
        insert(database, "merge_operations",
               {"id": new_id(pick), "plan_id": plan, "op_type": "merge", "created_at": clock.write(member.created),
                "survivor_id": survivor.id, "affected_ids": compact([member.id]), "undo_payload": "{}"})
    for question in QUESTIONS:
        event, moment = new_id(pick), clock.between(NOW - datetime.timedelta(days=30))
        insert(database, "composition_events",
               {"id": event, "created_at": clock.write(moment), "tool": "deep_reference", "query": question,
                "query_hash": hashlib.sha256(question.encode()).hexdigest(), "confidence": 0.8, "status": "ok"})
        for rank, memory in enumerate(pick.sample(memories, 3)):
            insert(database, "composition_members",
                   {"event_id": event, "memory_id": memory.id, "role": "supporting" if rank else "primary",
                    "rank": rank, "trust": 0.9 - rank / 10, "score": 0.7, "preview": memory.sentence.text[:60]})
        insert(database, "composition_outcomes",
               {"id": new_id(pick), "event_id": event, "outcome_type": "helpful", "labeled_at": clock.write(moment),
                "label_source": "user", "confidence_delta": 0.1})


def write_agents(database, pick, memories):
    """What an agent asked and was given."""
    clock = Clock(pick)
    for question in QUESTIONS:
        run, moment = f"run_{pick.getrandbits(48):012x}", clock.between(NOW - datetime.timedelta(days=20))
        at = int(moment.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
        found = [memory.id for memory in pick.sample(memories, 3)]
        insert(database, "agent_runs",
               {"run_id": run, "first_tool": "search", "event_count": 2, "retrieved_count": 3, "started_at": at,
                "last_at": at + 4, "created_at": clock.write(moment)})
        for number, (kind, tool) in enumerate((("mcp.call", "search"), ("memory.retrieve", None))):
            insert(database, "agent_traces",
                   {"id": new_id(pick), "run_id": run, "seq": number, "event_type": kind, "tool": tool,
                    "payload": compact({"type": kind, "runId": run, "ids": found[:number * 3]}), "at": at + number * 4,
                    "created_at": clock.write(moment)})
        insert(database, "memory_receipts",
               {"receipt_id": f"r_{moment:%Y_%m_%d}_{run[:9]}", "run_id": run, "tool": "search", "query": question,
                "retrieved_count": 3, "trust_floor": 0.4, "created_at": clock.write(moment),
                "payload": compact({"retrieved": found, "suppressed": [], "trust_floor": 0.4})})
    for memory in memories[-4:]:
        insert(database, "memory_prs",
               {"id": new_id(pick), "kind": "new_fact", "title": memory.sentence.text[:60], "subject_id": memory.id,
                "diff": compact({"after": memory.sentence.text}), "created_at": clock.write(memory.created)})
