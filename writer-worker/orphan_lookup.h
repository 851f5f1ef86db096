#ifndef VECFERRY_WRITER_WORKER_ORPHAN_LOOKUP_H_
#define VECFERRY_WRITER_WORKER_ORPHAN_LOOKUP_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::writer {

// Places within [begin, end) of staged rows that the foreign key `constraint` of the mapping's table will refuse, in
// order. Empty where that cannot be told beforehand: the constraint is another table's, needs a column that is not
// mapped, or the parents may not be read. Part of the caller's transaction, which goes on in any case.
absl::StatusOr<std::vector<std::size_t>> FindOrphans(postgres::Connection& session, const std::string& schema,
                                                     const core::Mapping& mapping, const std::string& constraint,
                                                     std::size_t begin, std::size_t end);

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_ORPHAN_LOOKUP_H_
