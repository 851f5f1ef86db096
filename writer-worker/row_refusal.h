#ifndef VECFERRY_WRITER_WORKER_ROW_REFUSAL_H_
#define VECFERRY_WRITER_WORKER_ROW_REFUSAL_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/rpc/clients.h"

namespace vecferry::writer {

// Whether Postgres refused a row, so that the row becomes an issue and the others go on (protocol section 4). False for
// our own bugs (a malformed COPY) and for everything that is about the session, the server or the table.
bool IsRowError(const absl::Status& status);

// The issue's kind for a SQLSTATE, such as "null_value".
absl::string_view KindOf(absl::string_view sqlstate);

// A rejected row: what Postgres said, with the tuple as raw.
core::RowIssue MakeRejection(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple,
                             const absl::Status& status);

// A row whose key is at the destination with other content, which stays.
core::RowIssue MakeConflict(const core::Mapping& mapping, const rpc::TupleSource& source,
                            absl::string_view differing_columns);

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_ROW_REFUSAL_H_
