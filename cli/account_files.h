#ifndef VECFERRY_CLI_ACCOUNT_FILES_H_
#define VECFERRY_CLI_ACCOUNT_FILES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/child_process.h"

namespace vecferry::cli {

// Files and folders of the private Postgres, owned by the account that it runs under (nullopt: our own).

// errno as a status: "WHAT PATH: ...".
absl::Status SystemError(absl::string_view what, const std::string& path);

// Makes a folder, or protects one that is there: 0700. kFailedPrecondition when it is another's, or no folder.
absl::Status MakeFolder(const std::string& path, const std::optional<Account>& account);

// Replaces a file: made beside, synced, renamed.
absl::Status WriteFile(const std::string& path, const std::string& text, const std::optional<Account>& account);

// Whether a process has its working folder there, as every process of a PostgreSQL server has its data folder.
bool AnyProcessWorksIn(const std::string& folder);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_ACCOUNT_FILES_H_
