#ifndef VECFERRY_COMMON_SQLITE_HELD_FILE_H_
#define VECFERRY_COMMON_SQLITE_HELD_FILE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/descriptor.h"

namespace vecferry::sqlite {

// Files in the scratch folder that several processes use: who uses one has a lock of flock() on it, and nobody else
// removes it. The lock goes with its process, however that ends.

// A shared lock on the file, for as long as the descriptor is open. kNotFound: it is not there. kUnavailable: just now
// it is another's alone, who gives it its name or removes it.
absl::StatusOr<base::Descriptor> Hold(const std::string& path);

// Whether `path` still names the open file.
bool IsNamed(const base::Descriptor& file, const std::string& path);

// What lies beside a kept copy (kept_copy.h).
inline constexpr char kSealSuffix[] = ".seal";
// Removes the file, after all that lies beside it. Whether it is gone.
bool RemoveWithSidecars(const std::string& path);
// The same, unless somebody holds it.
bool RemoveUnheld(const std::string& path);
// Whether it is there and nobody holds it. For that moment it is another's alone to who tries Hold().
bool IsUnheld(const std::string& path);

// Calls `on_file` for each entry of `folder` whose name is `prefix`, something and `suffix`, with its path and the
// something. A folder that cannot be read has none.
void ForEachFile(const std::string& folder, absl::string_view prefix, absl::string_view suffix,
                 const std::function<void(const std::string& path, const std::string& between)>& on_file);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_HELD_FILE_H_
