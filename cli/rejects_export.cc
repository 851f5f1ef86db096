#include "cli/rejects_export.h"

#include <errno.h>
#include <stdio.h>

#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "cli/rejects_text.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger_rejects.h"

namespace vecferry::cli {
namespace {

constexpr int kRowsATime = 500;

absl::Status CannotWrite(const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("--out: cannot write '", path, "'"));
}

// A file that did not exist before.
class NewFile {
 public:
  static absl::StatusOr<NewFile> Make(const std::string& path) {
    NewFile made(path);
    if (made.file_ == nullptr) return CannotWrite(path);
    return made;
  }

  absl::Status Write(absl::string_view bytes) {
    return fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size() ? absl::OkStatus() : CannotWrite(path_);
  }

  // What was written counts only once this is OK.
  absl::Status Close() { return fclose(file_.release()) == 0 ? absl::OkStatus() : CannotWrite(path_); }

 private:
  explicit NewFile(const std::string& path) : path_(path), file_(fopen(path.c_str(), "wxe"), &fclose) {}
  std::string path_;
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
};

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const bool empty = !error && std::filesystem::is_empty(folder, error);
  if (error) {
    return absl::FailedPreconditionError(absl::StrCat("--out: cannot make folder '", folder, "': ", error.message()));
  }
  if (empty) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--out: '", folder, "' is not empty; allowed: a new or an empty folder"));
}

absl::Status WriteRow(postgres::Connection& session, const postgres::Reject& reject, const std::string& folder,
                      NewFile& table) {
  std::string name;
  if (!reject.raw_format.empty()) {
    name = absl::StrCat("issue-", reject.id, ".", reject.raw_format);
    ASSIGN_OR_RETURN(NewFile raw, NewFile::Make(absl::StrCat(folder, "/", name)));
    RETURN_IF_ERROR(postgres::ReadRaw(session, reject.id, [&raw](absl::string_view part) { return raw.Write(part); }));
    RETURN_IF_ERROR(raw.Close());
  }
  return table.Write(
      CsvRecord({absl::StrCat(reject.id), reject.source_table, reject.source_key,
                 reject.source_rowid ? absl::StrCat(*reject.source_rowid) : "", reject.destination_table, reject.column,
                 reject.kind, reject.reason, CanBeReplayed(reject), reject.raw_format, name}));
}

}  // namespace

absl::StatusOr<std::int64_t> ExportRejects(postgres::Connection& session, const std::string& migration_id,
                                           const std::string& folder) {
  RETURN_IF_ERROR(MakeFolder(folder));
  ASSIGN_OR_RETURN(NewFile table, NewFile::Make(absl::StrCat(folder, "/rejects.csv")));
  RETURN_IF_ERROR(table.Write(CsvRecord({"issue", "source_table", "source_key", "source_rowid", "destination_table",
                                         "column", "kind", "reason", "can_be_replayed", "raw_format", "raw_file"})));
  std::int64_t rows = 0, after = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<postgres::Reject> page,
                     postgres::ListRejects(session, migration_id, after, kRowsATime));
    if (page.empty()) break;
    for (const postgres::Reject& reject : page) RETURN_IF_ERROR(WriteRow(session, reject, folder, table));
    rows += static_cast<std::int64_t>(page.size());
    after = page.back().id;
  }
  RETURN_IF_ERROR(table.Close());
  return rows;
}

}  // namespace vecferry::cli
