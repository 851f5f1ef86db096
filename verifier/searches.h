#ifndef VECFERRY_VERIFIER_SEARCHES_H_
#define VECFERRY_VERIFIER_SEARCHES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"
#include "verifier/exact_scan.h"
#include "verifier/recall.h"

namespace vecferry::verifier {

// What searches for some queries found, and how long each took at this client.
struct Answers {
  std::vector<std::vector<double>> distances;  // of each query, ascending; without those that are no number
  core::LatencyReport latency;
};

// The nearest rank's value: the smallest one that `percent` of all are not above. `sorted` is not empty.
double Percentile(const std::vector<double>& sorted, int percent);

// Searches of one target as a client makes them: text parameters, plans of the server's own making, except that either
// no index or the target's alone may be used. Within a transaction of the caller's, whose settings it changes with SET
// LOCAL. Not thread-safe.
class Searches {
 public:
  // `queries` and `connection` must outlive this object.
  Searches(const RecallTarget& target, Metric metric, const std::vector<std::vector<float>>& queries,
           postgres::Connection& connection);

  // The k nearest rows, every row looked at.
  absl::StatusOr<Answers> WithoutIndex(int k);
  // "" when searches by index are planned so, else why they cannot be measured. Call after WithoutIndex(), which loads
  // pgvector's settings.
  absl::StatusOr<std::string> WhyNotByIndex(int k);
  // The k nearest rows that the index finds.
  absl::StatusOr<Answers> ByIndex(int k);

  std::string Sql(int k) const;
  // What of the server's settings bounds a search by index: "hnsw.ef_search 100".
  const std::string& effort() const { return effort_; }

 private:
  absl::Status LookUpIndex();
  absl::Status AllowIndexOnly(int k);
  absl::StatusOr<Answers> Ask(int k);

  const RecallTarget& target_;
  const std::string distance_;
  std::vector<postgres::Param> parameters_;
  postgres::Connection& connection_;
  std::string method_, effort_;
  int server_ef_search_ = 0;
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SEARCHES_H_
