#ifndef VECFERRY_TESTS_SUPPORT_VESTIGE_STORE_H_
#define VECFERRY_TESTS_SUPPORT_VESTIGE_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/sqlite_file.h"

namespace vecferry::testing {

// What can be wrong with a store. Each damage touches a row of its own (or adds one), so that all fit into one store.
enum class Damage {
  kForeignId,       // memory 'n1', and an edge and a card that refer to it
  kSpelledId,       // an id in capitals and braces
  kBlobId,          // a blob as id
  kNullIds,         // two memories without id
  kSameIdTwice,     // one UUID in two spellings
  kEmptyTimes,      // last_accessed '' and an unreadable created_at
  kInvalidJson,     // tags that are no JSON
  kJsonForbidden,   // \u0000 and a lone surrogate in domain_scores
  kTextWithNul,     // in content
  kInvalidUtf8,     // in content
  kOddBlob,         // an embedding of 5 bytes
  kNotANumber,      // an embedding with a NaN
  kTextEmbedding,   // an embedding that is a text
  kOtherDimension,  // an embedding of another length
  kOtherModel,      // an embedding of another model and the same length
  kLongTag,         // 3,000 bytes
  kLongText,        // content whose tsvector exceeds 1 MB
  kTextInInteger,   // reps = 'many'
  kInfinity,        // stability = Inf
  kOrphans,         // an edge, an embedding and a card of memories that do not exist
};
std::vector<Damage> AllDamages();

struct VestigeStoreOptions {
  int version = 18;  // tables and columns as of this schema version: 1 to 32
  int memories = 40;
  int dimension = 8;       // of the main model
  std::uint64_t seed = 1;  // of texts, times and vectors
  bool registry = true;    // a row in embedding_model (from version 16)
  std::string model = "test/model-small";
  std::string active_profile = "test-small";  // from version 28; its vectors are those of the main model
  std::vector<Damage> damages = {};
};

// Writes a Vestige store of that version: memories with embeddings, edges, states, cards, an access log and the other
// tables, each with a few rows.
void MakeVestigeStore(SqliteFile& file, const VestigeStoreOptions& options);

// The canonical id of memory `index`, from 0.
std::string MemoryId(int index);

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_VESTIGE_STORE_H_
