#ifndef VECFERRY_CLI_REPORT_FILE_H_
#define VECFERRY_CLI_REPORT_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vecferry::cli {

// Files that a command leaves. `flag` is what named the file: errors begin with it and name the path.

// Writes `text` to a file beside `path` and renames it: readers see the old or the whole new one. A device or a pipe
// stays what it is and is written into.
absl::Status WriteBeside(absl::string_view flag, const std::string& path, const std::string& text);
// Whether WriteBeside can work, before hours of copying.
absl::Status CheckWritable(absl::string_view flag, const std::string& path);

// The name of the file with the digest of `path`.
std::string DigestPath(const std::string& path);
// What `sha256sum -c` checks, run in the folder of `path`: the line that sha256sum prints there for a file of that name
// with the content `text`.
std::string DigestLine(const std::string& path, absl::string_view text);
// WriteBeside, and the digest line at DigestPath likewise; a device or a pipe gets none.
absl::Status WriteWithDigest(absl::string_view flag, const std::string& path, const std::string& text);
// Whether WriteWithDigest can work.
absl::Status CheckWritableWithDigest(absl::string_view flag, const std::string& path);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_FILE_H_
