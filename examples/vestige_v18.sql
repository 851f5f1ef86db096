-- The tables of a Vestige store at schema version 18, for the sample store and the benchmark.
-- Ids, times and JSON are TEXT, embeddings are packed little-endian float32.

CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL);

CREATE TABLE knowledge_nodes (
  id TEXT PRIMARY KEY,
  content TEXT NOT NULL,
  node_type TEXT NOT NULL DEFAULT 'fact',
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  last_accessed TEXT NOT NULL,
  stability REAL DEFAULT 1.0,
  difficulty REAL DEFAULT 5.0,
  reps INTEGER DEFAULT 0,
  lapses INTEGER DEFAULT 0,
  learning_state TEXT DEFAULT 'new',
  storage_strength REAL DEFAULT 1.0,
  retrieval_strength REAL DEFAULT 1.0,
  retention_strength REAL DEFAULT 1.0,
  sentiment_score REAL DEFAULT 0.0,
  sentiment_magnitude REAL DEFAULT 0.0,
  next_review TEXT,
  scheduled_days INTEGER DEFAULT 0,
  source TEXT,
  tags TEXT DEFAULT '[]',
  has_embedding INTEGER DEFAULT 0,
  embedding_model TEXT,
  valid_from TEXT,
  valid_until TEXT,
  scope TEXT DEFAULT 'user',
  memory_system TEXT DEFAULT 'semantic',
  activation REAL,
  waking_tag BOOLEAN DEFAULT FALSE,
  waking_tag_at TEXT,
  utility_score REAL DEFAULT 0.0,
  times_retrieved INTEGER DEFAULT 0,
  times_useful INTEGER DEFAULT 0,
  emotional_valence REAL DEFAULT 0.0,
  flashbulb BOOLEAN DEFAULT FALSE,
  temporal_level TEXT,
  summary_parent_id TEXT,
  suppression_count INTEGER DEFAULT 0,
  suppressed_at TEXT,
  protected INTEGER NOT NULL DEFAULT 0,
  superseded_by TEXT,
  domains TEXT NOT NULL DEFAULT '[]',
  domain_scores TEXT NOT NULL DEFAULT '{}',
  source_system TEXT,
  source_id TEXT,
  source_url TEXT,
  source_updated_at TEXT,
  content_hash TEXT,
  synced_at TEXT,
  source_project TEXT,
  source_type TEXT,
  source_author TEXT);
CREATE INDEX idx_nodes_type ON knowledge_nodes (node_type);
CREATE INDEX idx_nodes_created ON knowledge_nodes (created_at);
CREATE UNIQUE INDEX idx_nodes_source_key ON knowledge_nodes (source_system, source_id)
  WHERE source_system IS NOT NULL AND source_id IS NOT NULL;

CREATE TABLE node_embeddings (
  node_id TEXT PRIMARY KEY,
  embedding BLOB NOT NULL,
  dimensions INTEGER NOT NULL DEFAULT 768,
  model TEXT NOT NULL DEFAULT 'BAAI/bge-base-en-v1.5',
  created_at TEXT NOT NULL,
  version INTEGER DEFAULT 1,
  FOREIGN KEY (node_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE);

CREATE VIRTUAL TABLE knowledge_fts USING fts5(
  id, content, tags, content='knowledge_nodes', content_rowid='rowid', tokenize='porter ascii');
CREATE TRIGGER knowledge_ai AFTER INSERT ON knowledge_nodes BEGIN
  INSERT INTO knowledge_fts (rowid, id, content, tags) VALUES (NEW.rowid, NEW.id, NEW.content, NEW.tags);
END;
CREATE TRIGGER knowledge_ad AFTER DELETE ON knowledge_nodes BEGIN
  INSERT INTO knowledge_fts (knowledge_fts, rowid, id, content, tags)
    VALUES ('delete', OLD.rowid, OLD.id, OLD.content, OLD.tags);
END;
CREATE TRIGGER knowledge_au AFTER UPDATE ON knowledge_nodes BEGIN
  INSERT INTO knowledge_fts (knowledge_fts, rowid, id, content, tags)
    VALUES ('delete', OLD.rowid, OLD.id, OLD.content, OLD.tags);
  INSERT INTO knowledge_fts (rowid, id, content, tags) VALUES (NEW.rowid, NEW.id, NEW.content, NEW.tags);
END;

CREATE TABLE intentions (
  id TEXT PRIMARY KEY, content TEXT NOT NULL, trigger_type TEXT NOT NULL, trigger_data TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 2, status TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL, deadline TEXT,
  fulfilled_at TEXT, reminder_count INTEGER DEFAULT 0, last_reminded_at TEXT, notes TEXT, tags TEXT DEFAULT '[]',
  related_memories TEXT DEFAULT '[]', snoozed_until TEXT, source_type TEXT NOT NULL DEFAULT 'api', source_data TEXT);
CREATE TABLE insights (
  id TEXT PRIMARY KEY, insight TEXT NOT NULL, source_memories TEXT NOT NULL, confidence REAL NOT NULL,
  novelty_score REAL NOT NULL, insight_type TEXT NOT NULL, generated_at TEXT NOT NULL, tags TEXT DEFAULT '[]',
  feedback TEXT, applied_count INTEGER DEFAULT 0);
CREATE TABLE memory_connections (
  source_id TEXT NOT NULL, target_id TEXT NOT NULL, strength REAL NOT NULL, link_type TEXT NOT NULL,
  created_at TEXT NOT NULL, last_activated TEXT NOT NULL, activation_count INTEGER DEFAULT 0,
  PRIMARY KEY (source_id, target_id),
  FOREIGN KEY (source_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE,
  FOREIGN KEY (target_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE);
CREATE INDEX idx_connections_target ON memory_connections (target_id);
CREATE TABLE memory_states (
  memory_id TEXT PRIMARY KEY, state TEXT NOT NULL DEFAULT 'active', last_access TEXT NOT NULL,
  access_count INTEGER DEFAULT 1, state_entered_at TEXT NOT NULL, suppression_until TEXT,
  suppressed_by TEXT DEFAULT '[]', time_active_seconds INTEGER DEFAULT 0, time_dormant_seconds INTEGER DEFAULT 0,
  time_silent_seconds INTEGER DEFAULT 0, time_unavailable_seconds INTEGER DEFAULT 0,
  FOREIGN KEY (memory_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE);
CREATE TABLE fsrs_cards (
  memory_id TEXT PRIMARY KEY, difficulty REAL NOT NULL DEFAULT 5.0, stability REAL NOT NULL DEFAULT 1.0,
  state TEXT NOT NULL DEFAULT 'new', reps INTEGER DEFAULT 0, lapses INTEGER DEFAULT 0, last_review TEXT,
  due_date TEXT, elapsed_days INTEGER DEFAULT 0, scheduled_days INTEGER DEFAULT 0,
  FOREIGN KEY (memory_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE);
CREATE TABLE fsrs_config (key TEXT PRIMARY KEY, value REAL NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE memory_access_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL, access_type TEXT NOT NULL, accessed_at TEXT NOT NULL,
  FOREIGN KEY (node_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE);
CREATE TABLE state_transitions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, memory_id TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,
  reason_type TEXT NOT NULL, reason_data TEXT, timestamp TEXT NOT NULL,
  FOREIGN KEY (memory_id) REFERENCES knowledge_nodes (id) ON DELETE CASCADE);
CREATE TABLE consolidation_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT, completed_at TEXT NOT NULL, duration_ms INTEGER NOT NULL,
  memories_replayed INTEGER DEFAULT 0, connections_found INTEGER DEFAULT 0, connections_strengthened INTEGER DEFAULT 0,
  connections_pruned INTEGER DEFAULT 0, insights_generated INTEGER DEFAULT 0, memories_transferred TEXT DEFAULT '[]',
  patterns_discovered TEXT DEFAULT '[]', duplicates_merged INTEGER DEFAULT 0, activations_computed INTEGER DEFAULT 0,
  w20_optimized REAL);
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL DEFAULT 'default', started_at TEXT NOT NULL, ended_at TEXT, context TEXT,
  memory_count INTEGER DEFAULT 0);
CREATE TABLE dream_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT, dreamed_at TEXT NOT NULL, duration_ms INTEGER NOT NULL DEFAULT 0,
  memories_replayed INTEGER NOT NULL DEFAULT 0, connections_found INTEGER NOT NULL DEFAULT 0,
  insights_generated INTEGER NOT NULL DEFAULT 0, memories_strengthened INTEGER NOT NULL DEFAULT 0,
  memories_compressed INTEGER NOT NULL DEFAULT 0, phase_nrem1_ms INTEGER DEFAULT 0, phase_nrem3_ms INTEGER DEFAULT 0,
  phase_rem_ms INTEGER DEFAULT 0, phase_integration_ms INTEGER DEFAULT 0, summaries_generated INTEGER DEFAULT 0,
  emotional_memories_processed INTEGER DEFAULT 0, creative_connections_found INTEGER DEFAULT 0);
CREATE TABLE retention_snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT, snapshot_at TEXT NOT NULL, avg_retention REAL NOT NULL,
  total_memories INTEGER NOT NULL, memories_below_target INTEGER NOT NULL DEFAULT 0,
  gc_triggered BOOLEAN DEFAULT FALSE);
CREATE TABLE sync_tombstones (
  table_name TEXT NOT NULL, row_id TEXT NOT NULL, deleted_at TEXT NOT NULL, reason TEXT,
  PRIMARY KEY (table_name, row_id));
CREATE TABLE deletion_tombstones (
  memory_id TEXT PRIMARY KEY, deleted_at TEXT NOT NULL, reason TEXT, node_type TEXT NOT NULL,
  tags TEXT NOT NULL DEFAULT '[]', edges_pruned INTEGER NOT NULL DEFAULT 0,
  insights_rewritten INTEGER NOT NULL DEFAULT 0,
  insights_deleted INTEGER NOT NULL DEFAULT 0, children_orphaned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE merge_plans (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending', created_at TEXT NOT NULL,
  applied_at TEXT, survivor_id TEXT, member_ids TEXT NOT NULL DEFAULT '[]', confidence REAL, classification TEXT,
  payload TEXT NOT NULL);
CREATE TABLE merge_operations (
  id TEXT PRIMARY KEY, plan_id TEXT, op_type TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'applied',
  created_at TEXT NOT NULL, reverted_at TEXT, reverts_op_id TEXT, survivor_id TEXT,
  affected_ids TEXT NOT NULL DEFAULT '[]', confidence REAL, signals TEXT, reason TEXT, undo_payload TEXT NOT NULL);
CREATE TABLE composition_events (
  id TEXT PRIMARY KEY, created_at TEXT NOT NULL, tool TEXT NOT NULL, mode TEXT NOT NULL DEFAULT 'deep_reference',
  query TEXT, query_hash TEXT, confidence REAL, status TEXT, output_preview TEXT, metadata TEXT NOT NULL DEFAULT '{}');
CREATE TABLE composition_members (
  event_id TEXT NOT NULL, memory_id TEXT NOT NULL, role TEXT NOT NULL, rank INTEGER NOT NULL DEFAULT 0, trust REAL,
  score REAL, preview TEXT, metadata TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (event_id, memory_id, role),
  FOREIGN KEY (event_id) REFERENCES composition_events (id) ON DELETE CASCADE);
CREATE TABLE composition_outcomes (
  id TEXT PRIMARY KEY, event_id TEXT NOT NULL, outcome_type TEXT NOT NULL, labeled_at TEXT NOT NULL,
  label_source TEXT NOT NULL DEFAULT 'tool', confidence_delta REAL, notes TEXT, metadata TEXT NOT NULL DEFAULT '{}',
  FOREIGN KEY (event_id) REFERENCES composition_events (id) ON DELETE CASCADE);
CREATE TABLE embedding_model (
  id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, dimension INTEGER NOT NULL, hash TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE domains (
  id TEXT PRIMARY KEY, label TEXT NOT NULL, centroid BLOB, top_terms TEXT NOT NULL DEFAULT '[]',
  memory_count INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL);
CREATE TABLE connector_cursors (
  source_system TEXT NOT NULL, scope TEXT NOT NULL, cursor_updated_at TEXT, last_synced_at TEXT,
  last_full_reconcile_at TEXT, records_seen INTEGER NOT NULL DEFAULT 0, config TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (source_system, scope));
CREATE TABLE agent_traces (
  id TEXT PRIMARY KEY, run_id TEXT NOT NULL, seq INTEGER NOT NULL, event_type TEXT NOT NULL, tool TEXT,
  payload TEXT NOT NULL, at INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE agent_runs (
  run_id TEXT PRIMARY KEY, first_tool TEXT, event_count INTEGER NOT NULL DEFAULT 0,
  retrieved_count INTEGER NOT NULL DEFAULT 0, suppressed_count INTEGER NOT NULL DEFAULT 0,
  write_count INTEGER NOT NULL DEFAULT 0, veto_count INTEGER NOT NULL DEFAULT 0, started_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE memory_receipts (
  receipt_id TEXT PRIMARY KEY, run_id TEXT, tool TEXT, query TEXT, retrieved_count INTEGER NOT NULL DEFAULT 0,
  suppressed_count INTEGER NOT NULL DEFAULT 0, trust_floor REAL NOT NULL DEFAULT 0,
  decay_risk TEXT NOT NULL DEFAULT 'low',
  payload TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE memory_prs (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending', title TEXT NOT NULL, subject_id TEXT,
  run_id TEXT, diff TEXT NOT NULL DEFAULT '{}', signals TEXT NOT NULL DEFAULT '[]', decision TEXT,
  created_at TEXT NOT NULL, decided_at TEXT);
