#ifndef VECFERRY_WRITER_WORKER_ROW_REFUSAL_H_
#define VECFERRY_WRITER_WORKER_ROW_REFUSAL_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/rpc/clients.h"

namespace vecferry::writer {

// A rejected row: what Postgres said, with the tuple as raw.
core::RowIssue MakeRejection(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple,
                             const absl::Status& status);

// A row that waits for a parent, told as rejected until the finish has carried it.
core::RowIssue MakeWaiting(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple);

// A row whose key is at the destination with other content, which stays.
core::RowIssue MakeConflict(const core::Mapping& mapping, const rpc::TupleSource& source,
                            absl::string_view differing_columns);

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_ROW_REFUSAL_H_
