#ifndef VECFERRY_COORDINATOR_ORPHAN_ISSUES_H_
#define VECFERRY_COORDINATOR_ORPHAN_ISSUES_H_

#include <map>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "coordinator/finish.h"

namespace vecferry::coordinator {

// A row that was removed because its parent does not exist.
struct Orphan {
  std::string key_json;  // its destination key, for people
  std::string reason;
};
// By mapping id, then by destination key (coordinator::ResolveFunction).
using Orphans = std::map<int, std::unordered_map<std::string, Orphan>>;

// In the transaction that removed them: a rejected row issue each, with source key and source row, and the counters.
// A row of an uncounted mapping moves no counter, but has its issue: what Postgres refused of the counted row does not
// hold the source row, which a replay of this one needs.
absl::Status TellOrphans(const FinishContext& context, Orphans orphans);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_ORPHAN_ISSUES_H_
