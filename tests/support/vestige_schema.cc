#include "tests/support/vestige_schema.h"

#include "absl/strings/str_cat.h"

namespace vecferry::testing {
namespace {

struct Step {
  int version;
  const char* sql;
};

constexpr char kToMemory[] = " REFERENCES knowledge_nodes(id) ON DELETE CASCADE";

// $M is a reference to a memory.
constexpr Step kSteps[] = {
    {1,
     "CREATE TABLE knowledge_nodes (id TEXT PRIMARY KEY, content TEXT NOT NULL, node_type TEXT NOT NULL DEFAULT "
     "'fact', created_at TEXT NOT NULL, updated_at TEXT NOT NULL, last_accessed TEXT NOT NULL, stability REAL "
     "DEFAULT 1.0, difficulty REAL DEFAULT 5.0, reps INTEGER DEFAULT 0, lapses INTEGER DEFAULT 0, learning_state "
     "TEXT DEFAULT 'new', storage_strength REAL DEFAULT 1.0, retrieval_strength REAL DEFAULT 1.0, "
     "retention_strength REAL DEFAULT 1.0, sentiment_score REAL DEFAULT 0.0, sentiment_magnitude REAL DEFAULT 0.0, "
     "next_review TEXT, scheduled_days INTEGER DEFAULT 0, source TEXT, tags TEXT DEFAULT '[]', has_embedding "
     "INTEGER DEFAULT 0, embedding_model TEXT)"},
    {1,
     "CREATE TABLE node_embeddings (node_id TEXT PRIMARY KEY$M, embedding BLOB NOT NULL, dimensions INTEGER NOT "
     "NULL DEFAULT 768, model TEXT NOT NULL DEFAULT 'BAAI/bge-base-en-v1.5', created_at TEXT NOT NULL)"},
    {1,
     "CREATE VIRTUAL TABLE knowledge_fts USING fts5(id, content, tags, content='knowledge_nodes', "
     "content_rowid='rowid')"},
    {1, "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)"},
    {1, "CREATE INDEX idx_nodes_created ON knowledge_nodes(created_at)"},
    {2, "ALTER TABLE knowledge_nodes ADD COLUMN valid_from TEXT"},
    {2, "ALTER TABLE knowledge_nodes ADD COLUMN valid_until TEXT"},
    {3,
     "CREATE TABLE memory_connections (source_id TEXT NOT NULL$M, target_id TEXT NOT NULL$M, strength REAL NOT NULL, "
     "link_type TEXT NOT NULL, created_at TEXT NOT NULL, last_activated TEXT NOT NULL, activation_count INTEGER "
     "DEFAULT 0, PRIMARY KEY (source_id, target_id))"},
    {3,
     "CREATE TABLE memory_states (memory_id TEXT PRIMARY KEY$M, state TEXT NOT NULL DEFAULT 'active', last_access "
     "TEXT NOT NULL, access_count INTEGER DEFAULT 1, state_entered_at TEXT NOT NULL)"},
    {3,
     "CREATE TABLE fsrs_cards (memory_id TEXT PRIMARY KEY$M, difficulty REAL NOT NULL DEFAULT 5.0, stability REAL NOT "
     "NULL DEFAULT 1.0, state TEXT NOT NULL DEFAULT 'new', reps INTEGER DEFAULT 0, due_date TEXT)"},
    {3,
     "CREATE TABLE insights (id TEXT PRIMARY KEY, insight TEXT NOT NULL, source_memories TEXT NOT NULL, confidence "
     "REAL NOT NULL, generated_at TEXT NOT NULL)"},
    {3,
     "CREATE TABLE consolidation_history (id INTEGER PRIMARY KEY AUTOINCREMENT, completed_at TEXT NOT NULL, "
     "duration_ms INTEGER NOT NULL)"},
    {4, "ALTER TABLE knowledge_nodes ADD COLUMN scope TEXT DEFAULT 'user'"},
    {4, "ALTER TABLE node_embeddings ADD COLUMN version INTEGER DEFAULT 1"},
    {4,
     "CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL DEFAULT 'default', started_at TEXT NOT NULL, "
     "context TEXT)"},
    {5, "ALTER TABLE knowledge_nodes ADD COLUMN activation REAL"},
    {5,
     "CREATE TABLE memory_access_log (id INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL$M, access_type "
     "TEXT NOT NULL, accessed_at TEXT NOT NULL)"},
    {5, "CREATE TABLE fsrs_config (key TEXT PRIMARY KEY, value REAL NOT NULL, updated_at TEXT NOT NULL)"},
    {8, "ALTER TABLE knowledge_nodes ADD COLUMN waking_tag BOOLEAN DEFAULT FALSE"},
    {10, "ALTER TABLE knowledge_nodes ADD COLUMN suppression_count INTEGER DEFAULT 0"},
    {13,
     "CREATE TABLE deletion_tombstones (memory_id TEXT PRIMARY KEY, deleted_at TEXT NOT NULL, reason TEXT, tags TEXT "
     "NOT NULL DEFAULT '[]')"},
    {14, "ALTER TABLE knowledge_nodes ADD COLUMN protected INTEGER NOT NULL DEFAULT 0"},
    {15,
     "CREATE TABLE composition_events (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, tool TEXT NOT NULL, metadata "
     "TEXT NOT NULL DEFAULT '{}')"},
    {15,
     "CREATE TABLE composition_members (event_id TEXT NOT NULL REFERENCES composition_events(id) ON DELETE CASCADE, "
     "memory_id TEXT NOT NULL, role TEXT NOT NULL, rank INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (event_id, "
     "memory_id, role))"},
    {16, "ALTER TABLE knowledge_nodes ADD COLUMN domains TEXT NOT NULL DEFAULT '[]'"},
    {16, "ALTER TABLE knowledge_nodes ADD COLUMN domain_scores TEXT NOT NULL DEFAULT '{}'"},
    {16,
     "CREATE TABLE embedding_model (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, dimension INTEGER NOT "
     "NULL, hash TEXT NOT NULL, created_at TEXT NOT NULL)"},
    {16,
     "CREATE TABLE domains (id TEXT PRIMARY KEY, label TEXT NOT NULL, centroid BLOB, top_terms TEXT NOT NULL DEFAULT "
     "'[]', memory_count INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL)"},
    {17, "ALTER TABLE knowledge_nodes ADD COLUMN source_system TEXT"},
    {17, "ALTER TABLE knowledge_nodes ADD COLUMN source_id TEXT"},
    {17,
     "CREATE UNIQUE INDEX idx_nodes_source_key ON knowledge_nodes(source_system, source_id) WHERE source_system IS "
     "NOT NULL"},
    {18,
     "CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, event_count INTEGER NOT NULL DEFAULT 0, started_at INTEGER "
     "NOT NULL, created_at TEXT NOT NULL)"},
    {21,
     "CREATE TABLE synaptic_tags (id TEXT PRIMARY KEY, memory_id TEXT NOT NULL, strength REAL NOT NULL, tagged_ms "
     "INTEGER NOT NULL) STRICT"},
    {24,
     "CREATE TABLE receipt_signing_keys (key_id TEXT PRIMARY KEY, public_key BLOB NOT NULL CHECK "
     "(length(public_key) = 32), created_at TEXT NOT NULL)"},
    {28,
     "CREATE TABLE embedding_profiles (profile_id TEXT PRIMARY KEY, model_id TEXT NOT NULL, embedding_dimension "
     "INTEGER NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL)"},
    {28,
     "CREATE TABLE embedding_profile_state (singleton INTEGER PRIMARY KEY CHECK (singleton = 1), active_profile_id "
     "TEXT NOT NULL REFERENCES embedding_profiles(profile_id), activated_at TEXT NOT NULL)"},
    {28,
     "CREATE TABLE embedding_profile_vectors (profile_id TEXT NOT NULL REFERENCES embedding_profiles(profile_id) ON "
     "DELETE CASCADE, node_id TEXT NOT NULL$M, embedding BLOB NOT NULL, dimensions INTEGER NOT NULL, model TEXT NOT "
     "NULL, created_at TEXT NOT NULL, PRIMARY KEY (profile_id, node_id))"},
    {32,
     "CREATE TABLE vector_journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, profile_id TEXT NOT NULL, node_id TEXT NOT "
     "NULL, op TEXT NOT NULL, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))"},
};

}  // namespace

std::string VestigeSchema(int version) {
  std::string schema;
  for (const Step& step : kSteps) {
    if (step.version > version) continue;
    std::string sql = step.sql;
    for (std::size_t at = sql.find("$M"); at != std::string::npos; at = sql.find("$M")) sql.replace(at, 2, kToMemory);
    absl::StrAppend(&schema, sql, ";\n");
  }
  return absl::StrCat(schema, "INSERT INTO schema_version VALUES (", version, ", '2026-01-01 00:00:00');\n");
}

}  // namespace vecferry::testing
