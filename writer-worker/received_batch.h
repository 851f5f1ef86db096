#ifndef VECFERRY_WRITER_WORKER_RECEIVED_BATCH_H_
#define VECFERRY_WRITER_WORKER_RECEIVED_BATCH_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/clients.h"
#include "vecferry/v1/writer.pb.h"

namespace vecferry::writer {

// The batch of a message, checked: kDataLoss when the checksum differs, kInvalidArgument when its numbers do not agree.
absl::StatusOr<rpc::Batch> TakeBatch(v1::Batch&& message);

// Joins the frames of one stream into batches. Not thread-safe.
class FrameAssembler {
 public:
  // nullopt: more parts follow. Errors: as TakeBatch; kInvalidArgument: a batch among another's parts, or too large.
  absl::StatusOr<std::optional<rpc::Batch>> Take(v1::BatchFrame&& frame);

 private:
  std::string parts_;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_RECEIVED_BATCH_H_
