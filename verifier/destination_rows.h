#ifndef VECFERRY_VERIFIER_DESTINATION_ROWS_H_
#define VECFERRY_VERIFIER_DESTINATION_ROWS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/types.h"
#include "common/postgres/connection.h"
#include "verifier/row_image.h"

namespace vecferry::verifier {

struct ComparedColumn {
  std::string name;
  core::PgType type;
};

// Walks rows of one destination table by COPY ... TO STDOUT (FORMAT binary), decoded by the verifier itself. Walk it to
// its end: until then nothing else may run on the session, which must outlive it. Not thread-safe.
class DestinationRows {
 public:
  // `from`: a quoted table, with an alias or joins if need be; `condition`: SQL, "" = all rows.
  static absl::StatusOr<DestinationRows> Open(postgres::Connection& session, const std::string& from,
                                              const std::vector<ComparedColumn>& columns, const std::string& condition);

  // The next row's columns, in order, in canonical form. False: no row is left. kDataLoss: not what COPY sends.
  absl::StatusOr<bool> Next(RowImage& row);

 private:
  DestinationRows(postgres::Connection& session, std::string from, std::vector<ComparedColumn> columns)
      : session_(&session), from_(std::move(from)), columns_(std::move(columns)) {}
  absl::Status TakeFields(absl::string_view tuple, RowImage& row);
  absl::Status Broken(absl::string_view what) const;

  postgres::Connection* session_;
  std::string from_;
  std::vector<ComparedColumn> columns_;
  bool header_taken_ = false, trailer_taken_ = false;
  std::string buffer_;
};

// Calls `take` with each of the rows that DestinationRows::Open would give, to their end. Errors: those of `take` too,
// after which the session is of no use.
absl::Status ForEachDestinationRow(postgres::Connection& session, const std::string& from,
                                   const std::vector<ComparedColumn>& columns, const std::string& condition,
                                   const std::function<absl::Status(const RowImage&)>& take);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_DESTINATION_ROWS_H_
