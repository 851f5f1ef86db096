#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/local_postgres.h"

namespace vecferry::cli {

std::string ServerSettings(std::int64_t memory_bytes, const std::string& socket_folder, bool shared_memory_is_small,
                           bool has_lz4) {
  const std::int64_t mebibytes = memory_bytes >> 20;
  const std::int64_t shared_buffers = std::clamp<std::int64_t>(mebibytes / 8, 128, 2048);
  // An HNSW index builds many times faster while its graph fits into this.
  const std::int64_t maintenance = std::clamp<std::int64_t>(mebibytes / 8, 64, 2048);
  return absl::StrCat(
      "# Written by `vecferry postgres start` at every start; changes belong into postgresql.conf, below the "
      "include.\n",
      "listen_addresses = ''\n", "unix_socket_directories = '", absl::StrReplaceAll(socket_folder, {{"'", "''"}}),
      "'\n", "unix_socket_permissions = 0700\n", "port = 5432\n",
      "# Nothing that was committed is lost, whatever happens to the machine.\n",
      "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n", "# Bulk loads: few checkpoints, large builds.\n",
      "shared_buffers = ", shared_buffers, "MB\n", "maintenance_work_mem = ", maintenance, "MB\n",
      "effective_cache_size = ", std::max<std::int64_t>(256, mebibytes / 2), "MB\n",
      "max_wal_size = 4GB\nmin_wal_size = 256MB\ncheckpoint_timeout = 15min\n",
      "wal_compression = ", has_lz4 ? "lz4" : "off", "\n", "jit = off\n",
      // Containers often give 64 MiB of POSIX shared memory, where a parallel index build needs maintenance_work_mem.
      "dynamic_shared_memory_type = ", shared_memory_is_small ? "sysv" : "posix", "\n",
      "# Statements may hold data of the store: the log does not repeat them.\n", "log_min_error_statement = panic\n",
      "timezone = 'UTC'\nlog_timezone = 'UTC'\n");
}

}  // namespace vecferry::cli
