#include "coordinator/build_settings.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace vecferry::coordinator {
namespace {

constexpr std::int64_t kCapKb = 512 << 10;
// Sorting for keys, and GIN's pending entries: more brings nothing measurable.
constexpr std::int64_t kPlainBuildBytes = 256 << 20;
// Beyond four, builds wait for each other's locks on the graph's entry point more than they gain.
constexpr int kWorkersMax = 4;

std::int64_t NeededBytes(const core::Plan& plan, const core::FinishStep& step) {
  if (!step.vector_index) return kPlainBuildBytes;
  std::int64_t rows = 0;
  int dimension = 0;
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.destination_table != step.table) continue;
    rows += mapping.rows_estimate;
    for (const core::Column& column : mapping.columns) dimension = std::max(dimension, column.type.dimension);
  }
  return HnswGraphBytes(rows, dimension);
}

}  // namespace

std::int64_t HnswGraphBytes(std::int64_t rows, int dimension) {
  // The vector (4 bytes a component and 8 of header), 2 m = 32 neighbours of 16 bytes on the lowest level and one
  // sixteenth of that above, the element itself with its allocations; a tenth on top for what pgvector rounds up.
  const std::int64_t element = 4 * static_cast<std::int64_t>(dimension) + 8 + 32 * 16 + 32 + 160;
  return rows * element * 11 / 10;
}

std::int64_t BuildMemoryKb(std::int64_t needed_bytes, std::int64_t own_kb, std::int64_t shared_buffers_kb) {
  const std::int64_t needed_kb = std::max<std::int64_t>(needed_bytes >> 10, 64 << 10);
  return std::max(own_kb, std::min(needed_kb, std::max(kCapKb, shared_buffers_kb)));
}

absl::Status ApplyBuildSettings(postgres::Connection& session, const core::Plan& plan, const core::FinishStep& step,
                                Parallel parallel) {
  // reset_val is the server's own value whatever this session has set before; memory is told in kB or 8 kB pages.
  ASSIGN_OR_RETURN(
      const postgres::Result own,
      session.Execute("SELECT (SELECT reset_val FROM pg_settings WHERE name = 'maintenance_work_mem'),"
                      " (SELECT reset_val FROM pg_settings WHERE name = 'shared_buffers'),"
                      " (SELECT reset_val FROM pg_settings WHERE name = 'max_parallel_maintenance_workers'),"
                      " current_setting('max_parallel_workers')"));
  const std::int64_t memory_kb = BuildMemoryKb(NeededBytes(plan, step), own.integer(0, 0), own.integer(0, 1) * 8);
  std::int64_t workers = own.integer(0, 2);
  // Zero is an administrator's word; else a vector index, which costs processor time, may have some more.
  if (workers > 0 && step.vector_index) {
    workers = std::max(workers, std::min<std::int64_t>(kWorkersMax, own.integer(0, 3)));
  }
  if (parallel == Parallel::kNo) workers = 0;
  return session.ExecuteScript(absl::StrCat("SET maintenance_work_mem TO '", memory_kb,
                                            "kB'; SET max_parallel_maintenance_workers TO ", workers));
}

}  // namespace vecferry::coordinator
