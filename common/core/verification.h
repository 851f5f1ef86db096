#ifndef VECFERRY_COMMON_CORE_VERIFICATION_H_
#define VECFERRY_COMMON_CORE_VERIFICATION_H_

#include <cstdint>
#include <string>
#include <vector>

namespace vecferry::core {

// counts: numbers of rows. sample: also structure, indexes, and every value of some rows. full: of all rows, and
// recall.
inline constexpr char kVerifyCounts[] = "counts", kVerifySample[] = "sample", kVerifyFull[] = "full";

inline constexpr int kRecallQueriesChosen = -1;

// What a verification looks at, and by how much. Plain data.
struct VerifyOptions {
  std::string level = kVerifyFull;
  bool indexes_wanted = true;  // false: --no-indexes left secondary and vector indexes out
  int sessions_max = 2;        // connections to the destination at once
  // Sampled vectors of each column; 0 = recall is not measured. An exact search reads the whole table, so that of large
  // tables fewer are chosen: 50 up to 100,000 rows, 10 from 500,000 on.
  int recall_queries = kRecallQueriesChosen;
  double recall_index_min = 0;              // share that answers by index must reach; 0 = any
  std::vector<std::vector<float>> queries;  // vectors to ask for beside the sampled ones
  std::vector<std::string> recall_slices;   // "TABLE.COLUMN" of the destination: recall also for each of its values
  std::string embedder_url;                 // OpenAI-compatible embeddings endpoint; "" = no texts are embedded again
  std::string embedder_model;               // "" = the store's own name for its model
  std::string embedder_prefix;              // goes before each text
  int embedder_texts = 20;
  double embedder_cosine_min = 0.99;
};

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_VERIFICATION_H_
