#ifndef VECFERRY_COORDINATOR_REPLAY_SQL_H_
#define VECFERRY_COORDINATOR_REPLAY_SQL_H_

#include <string>

#include "common/core/plan.h"

namespace vecferry::coordinator {

// The statements that carry one row. Parameters are the fields of COPY BINARY, one a column of the mapping.

// One row when it was inserted, none when the key is there.
std::string InsertRowSql(const core::Plan& plan, const core::Mapping& mapping);
// The columns in which the row under the key differs; no row when there is none.
std::string CompareRowSql(const core::Plan& plan, const core::Mapping& mapping);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_REPLAY_SQL_H_
