#include "tests/support/vestige_store.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/support/vestige_schema.h"

namespace vecferry::testing {
namespace {

using Random = std::mt19937_64;

std::vector<float> RandomVector(Random& random, int dimension) {
  std::normal_distribution<float> component(0, 0.3F);
  std::vector<float> vector(static_cast<std::size_t>(dimension));
  for (float& value : vector) value = component(random);
  return vector;
}

std::string Words(Random& random, int count) {
  static const char* const kWords[] = {"cache", "deploy", "index", "review", "latency", "token", "naïve", "schema"};
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, i == 0 ? "" : " ", kWords[random() % 8]);
  return text;
}

// The forms that the application and its migrations write.
std::string Time(Random& random) {
  const int day = 1 + static_cast<int>(random() % 28), second = static_cast<int>(random() % 60);
  switch (random() % 4) {
    case 0: return absl::StrFormat("2026-05-%02dT10:11:%02d+00:00", day, second);
    case 1: return absl::StrFormat("2026-05-%02dT10:11:%02d.%06d+00:00", day, second, random() % 1000000);
    case 2: return absl::StrFormat("2026-05-%02d 10:11:%02d", day, second);
    default: return absl::StrFormat("2026-05-%02dT10:11:%02d.%09d+00:00", day, second, random() % 1000000000);
  }
}

class Builder {
 public:
  Builder(SqliteFile& file, const VestigeStoreOptions& options)
      : file_(file), options_(options), random_(options.seed) {}

  void Build() {
    file_.Run(VestigeSchema(options_.version));
    file_.Run("BEGIN");
    for (int i = 0; i < options_.memories; ++i) AddMemory(absl::StrCat("'", MemoryId(i), "'"));
    AddEmbeddings();
    if (options_.version >= 3) AddRelations();
    if (options_.version >= 16) AddRegistry();
    for (const Damage damage : options_.damages) AddDamage(damage);
    file_.Run("COMMIT");
    file_.Close();
  }

 private:
  void AddMemory(const std::string& id) {
    file_.Run(
        absl::StrCat("INSERT INTO knowledge_nodes (id, content, created_at, updated_at, last_accessed, stability, "
                     "reps, tags, next_review) VALUES (",
                     id, ", '", Words(random_, 12), "', '", Time(random_), "', '", Time(random_), "', '", Time(random_),
                     "', ", random_() % 1000 / 7.0, ", ", random_() % 9, ", '[\"", Words(random_, 1), "\",\"a b\"]', ",
                     random_() % 2 == 0 ? "NULL" : absl::StrCat("'", Time(random_), "'"), ")"));
  }

  void AddEmbedding(const std::string& id, const std::string& value) {
    file_.Run(absl::StrCat("INSERT INTO node_embeddings (node_id, embedding, dimensions, model, created_at) VALUES (",
                           id, ", ", value, ", ", options_.dimension, ", '", options_.model, "', '", Time(random_),
                           "')"));
  }

  // One memory in ten has none.
  void AddEmbeddings() {
    if (options_.version >= 28) AddProfile(options_.active_profile, options_.model, options_.dimension, "active");
    for (int i = 0; i < options_.memories; ++i) {
      if (i % 10 == 9) continue;
      const std::string id = absl::StrCat("'", MemoryId(i), "'");
      const std::string value = VectorLiteral(RandomVector(random_, options_.dimension));
      AddEmbedding(id, value);
      if (options_.version >= 28)
        AddProfileVector(options_.active_profile, options_.model, options_.dimension, id, value);
    }
    if (options_.version < 28) return;
    file_.Run(absl::StrCat("INSERT INTO embedding_profile_state VALUES (1, '", options_.active_profile, "', '",
                           Time(random_), "')"));
    AddProfile("test-other", "test/model-other", options_.dimension / 2, "retired");
    AddProfileVector("test-other", "test/model-other", options_.dimension / 2, absl::StrCat("'", MemoryId(0), "'"),
                     VectorLiteral(RandomVector(random_, options_.dimension / 2)));
  }

  void AddProfile(const std::string& id, const std::string& model, int dimension, const std::string& status) {
    file_.Run(absl::StrCat("INSERT INTO embedding_profiles VALUES ('", id, "', '", model, "', ", dimension, ", '",
                           status, "', '", Time(random_), "')"));
  }

  void AddProfileVector(const std::string& profile, const std::string& model, int dimension, const std::string& id,
                        const std::string& value) {
    file_.Run(absl::StrCat("INSERT INTO embedding_profile_vectors VALUES ('", profile, "', ", id, ", ", value, ", ",
                           dimension, ", '", model, "', '", Time(random_), "')"));
  }

  void AddEdge(const std::string& source, const std::string& target) {
    file_.Run(absl::StrCat("INSERT OR IGNORE INTO memory_connections VALUES (", source, ", ", target, ", 0.",
                           random_() % 100, ", 'semantic', '", Time(random_), "', '", Time(random_), "', ",
                           random_() % 9, ")"));
  }

  void AddCard(const std::string& id) {
    file_.Run(absl::StrCat("INSERT INTO fsrs_cards (memory_id) VALUES (", id, ")"));
  }

  std::string RandomMemory() {
    return absl::StrCat("'", MemoryId(static_cast<int>(random_() % options_.memories)), "'");
  }

  void AddRelations() {
    for (int i = 0; i < options_.memories; ++i) AddEdge(RandomMemory(), RandomMemory());
    for (int i = 0; i < options_.memories; i += 3) AddCard(absl::StrCat("'", MemoryId(i), "'"));
    file_.Run(absl::StrCat("INSERT INTO consolidation_history VALUES (7, '", Time(random_), "', 12)"));
    file_.Run("UPDATE sqlite_sequence SET seq = 19");
    if (options_.version < 5) return;
    for (int i = 0; i < options_.memories; ++i) {
      file_.Run(absl::StrCat("INSERT INTO memory_access_log (node_id, access_type, accessed_at) VALUES (",
                             RandomMemory(), ", 'read', '", Time(random_), "')"));
    }
    if (options_.version < 13) return;
    file_.Run(
        "INSERT INTO deletion_tombstones (memory_id, deleted_at) VALUES "
        "('0b8d6c1e-0000-4000-8000-00000000dead', '2026-05-01 00:00:00')");
  }

  void AddRegistry() {
    if (options_.registry) {
      file_.Run(absl::StrCat("INSERT INTO embedding_model VALUES (1, '", options_.model, "', ", options_.dimension,
                             ", 'hash-1', '", Time(random_), "')"));
    }
    file_.Run(absl::StrCat("INSERT INTO domains VALUES ('domain-0', 'first', ",
                           VectorLiteral(RandomVector(random_, options_.dimension)), ", '[\"cache\"]', 3, '",
                           Time(random_), "'), ('domain-1', 'second', x'', '[]', 0, '", Time(random_), "')"));
  }

  // A memory that only this damage touches; returns its id as SQL.
  std::string FreshMemory() {
    const std::string id = absl::StrCat("'", MemoryId(1000000 + fresh_++), "'");
    AddMemory(id);
    return id;
  }

  void SpoilMemory(const std::string& assignment) {
    file_.Run(absl::StrCat("UPDATE knowledge_nodes SET ", assignment, " WHERE id = ", FreshMemory()));
  }

  void SpoilEmbedding(const std::string& value) { AddEmbedding(FreshMemory(), value); }

  void AddDamage(Damage damage) {
    switch (damage) {
      case Damage::kForeignId:
        AddMemory("'n1'");
        if (options_.version >= 3) {
          AddEdge("'n1'", RandomMemory());
          AddCard("'n1'");
        }
        return;
      case Damage::kSpelledId: return AddMemory("'{5D4C3B2A-0000-4000-8000-0000000000AA}'");
      case Damage::kBlobId: return AddMemory("x'00ff10'");
      case Damage::kNullIds: return AddMemory("NULL"), AddMemory("NULL");
      case Damage::kSameIdTwice:
        return AddMemory("'5d4c3b2a-0000-4000-8000-0000000000bb'"), AddMemory("'5D4C3B2A-0000-4000-8000-0000000000BB'");
      case Damage::kEmptyTimes: return SpoilMemory("last_accessed = '', created_at = 'yesterday'");
      case Damage::kInvalidJson: return SpoilMemory("tags = '[\"open'");
      case Damage::kJsonForbidden:
        if (options_.version >= 16) SpoilMemory("domain_scores = '{\"a\\u0000\":1,\"b\":\"\\ud800\"}'");
        return;
      case Damage::kTextWithNul: return SpoilMemory("content = 'a' || char(0) || 'b'");
      case Damage::kInvalidUtf8: return SpoilMemory("content = CAST(x'61ff62' AS TEXT)");
      case Damage::kOddBlob: return SpoilEmbedding("x'0102030405'");
      case Damage::kNotANumber:
        return SpoilEmbedding(VectorLiteral(std::vector<float>(options_.dimension, std::nanf(""))));
      case Damage::kTextEmbedding: return SpoilEmbedding("'not a blob'");
      case Damage::kOtherDimension: return SpoilEmbedding(VectorLiteral(RandomVector(random_, options_.dimension + 4)));
      case Damage::kOtherModel:
        SpoilEmbedding(VectorLiteral(RandomVector(random_, options_.dimension)));
        return file_.Run("UPDATE node_embeddings SET model = 'test/model-x' WHERE rowid = last_insert_rowid()");
      case Damage::kLongTag: return SpoilMemory("tags = '[\"' || replace(hex(zeroblob(1500)), '0', 'x') || '\"]'");
      case Damage::kLongText:
        return SpoilMemory(
            "content = (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000) "
            "SELECT group_concat('word' || i, ' ') FROM n)");
      case Damage::kTextInInteger: return SpoilMemory("reps = 'many'");
      case Damage::kInfinity: return SpoilMemory("stability = 9e999");
      case Damage::kOrphans:
        AddEmbedding("'0b8d6c1e-0000-4000-8000-000000000001'",
                     VectorLiteral(RandomVector(random_, options_.dimension)));
        if (options_.version >= 3) {
          AddEdge("'0b8d6c1e-0000-4000-8000-000000000002'", RandomMemory());
          AddCard("'0b8d6c1e-0000-4000-8000-000000000003'");
        }
        return;
    }
  }

  SqliteFile& file_;
  const VestigeStoreOptions& options_;
  Random random_;
  int fresh_ = 0;
};

}  // namespace

std::vector<Damage> AllDamages() {
  std::vector<Damage> damages;
  for (int i = 0; i <= static_cast<int>(Damage::kOrphans); ++i) damages.push_back(static_cast<Damage>(i));
  return damages;
}

void MakeVestigeStore(SqliteFile& file, const VestigeStoreOptions& options) { Builder(file, options).Build(); }

std::string MemoryId(int index) { return absl::StrFormat("a1b2c3d4-0000-4000-8000-%012x", index); }

}  // namespace vecferry::testing
