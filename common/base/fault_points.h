#ifndef VECFERRY_COMMON_BASE_FAULT_POINTS_H_
#define VECFERRY_COMMON_BASE_FAULT_POINTS_H_

#include "absl/strings/string_view.h"

namespace vecferry::base {

// Named places where a test ends or stops the process. Armed by the environment, VECFERRY_FAULT=NAME:N[,NAME:N...]:
// SIGKILL at the N-th time that point NAME is passed (N from 1); NAME:N:stop is SIGSTOP instead. Unarmed a point costs
// one predictable branch. Thread-safe. docs/faults.md lists the points.
void FaultPoint(absl::string_view name);

}  // namespace vecferry::base

#endif  // VECFERRY_COMMON_BASE_FAULT_POINTS_H_
