#include "verifier/destination_rows.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "verifier/canonical.h"

// https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".
namespace vecferry::verifier {
namespace {

constexpr absl::string_view kSignature("PGCOPY\n\377\r\n\0", 11);
constexpr int kTrailer = -1, kNull = -1;

// Takes a big-endian integer of `bytes` bytes off the front; false: there are not so many.
bool TakeInt(absl::string_view& from, int bytes, int& number) {
  if (from.size() < static_cast<std::size_t>(bytes)) return false;
  std::uint32_t read = 0;
  for (const char c : from.substr(0, static_cast<std::size_t>(bytes))) read = read << 8 | static_cast<unsigned char>(c);
  number = bytes == 2 ? static_cast<std::int16_t>(read) : static_cast<std::int32_t>(read);
  from.remove_prefix(static_cast<std::size_t>(bytes));
  return true;
}

// Signature, flags, and an extension to be skipped.
bool TakeHeader(absl::string_view& from) {
  int flags = 0, extension = 0;
  if (!absl::StartsWith(from, kSignature)) return false;
  from.remove_prefix(kSignature.size());
  if (!TakeInt(from, 4, flags) || flags != 0 || !TakeInt(from, 4, extension) || extension < 0) return false;
  if (from.size() < static_cast<std::size_t>(extension)) return false;
  from.remove_prefix(static_cast<std::size_t>(extension));
  return true;
}

}  // namespace

absl::StatusOr<DestinationRows> DestinationRows::Open(postgres::Connection& session, const std::string& from,
                                                      const std::vector<ComparedColumn>& columns,
                                                      const std::string& condition) {
  const std::string list = absl::StrJoin(columns, ", ", [](std::string* out, const ComparedColumn& column) {
    absl::StrAppend(out, core::QuoteIdentifier(column.name));
  });
  RETURN_IF_ERROR(
      session.StartCopyOut(absl::StrCat("COPY (SELECT ", list, " FROM ", from, condition.empty() ? "" : " WHERE ",
                                        condition, ") TO STDOUT (FORMAT binary)")));
  return DestinationRows(session, from, columns);
}

absl::StatusOr<bool> DestinationRows::Next(RowImage& row) {
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<absl::string_view> data, session_->TakeCopyData());
    if (!data) {
      // A connection that ends between two rows must not look like a table that ends there.
      if (!trailer_taken_) return Broken("it ended without its trailer");
      return false;
    }
    absl::string_view tuple = *data;
    if (!header_taken_ && !TakeHeader(tuple)) return Broken("its header is not one of version 3");
    header_taken_ = true;
    if (tuple.empty()) continue;
    int fields = 0;
    if (!TakeInt(tuple, 2, fields)) return Broken("a tuple is cut off");
    if (fields == kTrailer) {
      trailer_taken_ = true;
      continue;
    }
    if (fields != static_cast<int>(columns_.size())) return Broken(absl::StrCat("a tuple has ", fields, " fields"));
    RETURN_IF_ERROR(TakeFields(tuple, row));
    return true;
  }
}

absl::Status DestinationRows::TakeFields(absl::string_view tuple, RowImage& row) {
  row.Clear();
  for (const ComparedColumn& column : columns_) {
    int length = 0;
    if (!TakeInt(tuple, 4, length)) return Broken("a tuple is cut off");
    if (length == kNull) {
      row.AddNull();
      continue;
    }
    if (length < 0 || static_cast<std::size_t>(length) > tuple.size()) return Broken("a field is cut off");
    const absl::StatusOr<absl::string_view> canonical =
        CanonicalField(column.type, tuple.substr(0, static_cast<std::size_t>(length)), buffer_);
    if (!canonical.ok()) return Broken(absl::StrCat("column ", column.name, ": ", canonical.status().message()));
    row.Add(*canonical);
    tuple.remove_prefix(static_cast<std::size_t>(length));
  }
  return tuple.empty() ? absl::OkStatus() : Broken("a tuple has bytes left over");
}

absl::Status ForEachDestinationRow(postgres::Connection& session, const std::string& from,
                                   const std::vector<ComparedColumn>& columns, const std::string& condition,
                                   const std::function<absl::Status(const RowImage&)>& take) {
  ASSIGN_OR_RETURN(DestinationRows rows, DestinationRows::Open(session, from, columns, condition));
  RowImage row;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Next(row));
    if (!more) return absl::OkStatus();
    RETURN_IF_ERROR(take(row));
  }
}

absl::Status DestinationRows::Broken(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat("reading ", from_, ": ", what));
}

}  // namespace vecferry::verifier
