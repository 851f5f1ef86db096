#ifndef VECFERRY_COMMON_CORE_WAITING_STEP_H_
#define VECFERRY_COMMON_CORE_WAITING_STEP_H_

namespace vecferry::core {

// Report::step of a running migration that nobody drives just now.
inline constexpr char kWaitingForCoordinator[] = "waiting for a coordinator";

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_WAITING_STEP_H_
