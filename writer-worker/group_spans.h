#ifndef VECFERRY_WRITER_WORKER_GROUP_SPANS_H_
#define VECFERRY_WRITER_WORKER_GROUP_SPANS_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "common/telemetry/tracing.h"

namespace vecferry::writer {

// What a group holds.
struct GroupSize {
  std::size_t rows = 0, bytes = 0;  // of COPY tuples
};

// Tells the first commit groups of a stream, a COPY and a commit each, as spans below the span that is current when it
// is made. What lies between the two is the merge, or the taking apart of a refused group. Not thread-safe.
class GroupSpans {
 public:
  GroupSpans(int groups_max, std::string database, std::string table);

  // Each may be called again for one group, and then does nothing.
  void BeginCopy();
  void EndCopy(const absl::Status& status, const GroupSize& size);
  void BeginCommit();
  // The group is committed, or given up.
  void EndGroup(const absl::Status& status, const GroupSize& size);

 private:
  telemetry::Span Start(const char* name, const char* operation) const;
  static void End(telemetry::Span& span, const absl::Status& status, const GroupSize& size);

  int groups_left_;
  const std::string parent_, database_, table_;
  bool copied_ = false;  // the group's COPY was told
  telemetry::Span copy_, commit_;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_GROUP_SPANS_H_
