#ifndef VECFERRY_COORDINATOR_BUILD_SETTINGS_H_
#define VECFERRY_COORDINATOR_BUILD_SETTINGS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::coordinator {

enum class Parallel { kNo, kYes };

// Bytes that pgvector's HNSW graph takes while it is built: `rows` vectors, each with its neighbours.
std::int64_t HnswGraphBytes(std::int64_t rows, int dimension);

// maintenance_work_mem in kB for an index build: what it needs, never below the server's own setting, at most the
// larger of 512 MiB and the server's shared_buffers. (A server does not tell its memory; its administrator gave a part
// of it to shared_buffers, usually a quarter, and one build of ours may take as much for a while.)
std::int64_t BuildMemoryKb(std::int64_t needed_bytes, std::int64_t own_kb, std::int64_t shared_buffers_kb);

// Sets the session's memory and workers for one index step.
absl::Status ApplyBuildSettings(postgres::Connection& session, const core::Plan& plan, const core::FinishStep& step,
                                Parallel parallel);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_BUILD_SETTINGS_H_
