// The driver towards verifiers.
#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/core/migration.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing.h"
#include "coordinator/driver.h"
#include "coordinator/ledger_moves.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::Duration kAskForVerifier = absl::Milliseconds(500);
constexpr int kDoublingsMax = 3;  // of the pause after a verifier that went away: to 4 s

}  // namespace

// Readers and verifier read the same copy of the source: what is wrong in it would be wrong on both sides.
absl::Status Driver::CheckCopyWhole() {
  const absl::Status whole = source()->CheckWhole([this] { return !Interruption().ok(); });
  RETURN_IF_ERROR(Interruption());
  if (!absl::IsDataLoss(whole)) return whole;
  return absl::DataLossError(
      absl::StrCat(whole.message(),
                   "; what was read of it may be wrong. Mend the scratch folder's disk; the same "
                   "command takes another copy, and checks what has come against that"));
}

absl::StatusOr<core::State> Driver::Verify() {
  base::FaultPoint("coordinator.before_verify");
  RETURN_IF_ERROR(EnterStage(core::State::kVerifying, &core::StageSeconds::verify));
  const absl::Cleanup leave = [this] { LeaveStage(); };
  {
    base::MutexLock lock(&mutex_);
    verifying_ = true;
  }
  for (int attempt = 1;; ++attempt) {
    bool different = false;
    const absl::Status verified = VerifyOnce(different);
    RETURN_IF_ERROR(Interruption());
    if (verified.ok()) return different ? core::State::kDifferent : core::State::kVerified;
    // A verifier that went away or was stopped: another one, or the same restarted, begins anew.
    const bool may_pass = absl::IsUnavailable(verified) || absl::IsCancelled(verified);
    if (setup_.coordinator.life == Life::kCommand || !may_pass) return verified;
    if (attempt == setup_.coordinator.attempts_max) {
      // Not kUnavailable, by which the destination would be taken for lost.
      return absl::AbortedError(absl::StrCat("no verifier went through the checks in ", attempt,
                                             " attempts, the last one: ", verified.message()));
    }
    telemetry::LogWarning(
        absl::StrCat("migration ", setup_.migration_id, ": the checks begin again: ", verified.message()));
    RETURN_IF_ERROR(WaitForVerifier(kAskForVerifier * (1 << std::min(attempt - 1, kDoublingsMax)), verified.message()));
  }
}

absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> Driver::AwaitVerifier() {
  while (true) {
    auto verifier = setup_.workers.ChooseVerifier();
    if (!absl::IsUnavailable(verifier.status()) || setup_.coordinator.life == Life::kCommand) return verifier;
    RETURN_IF_ERROR(WaitForVerifier(kAskForVerifier, ""));
  }
}

absl::Status Driver::WaitForVerifier(absl::Duration pause, absl::string_view why) {
  {
    base::MutexLock lock(&mutex_);
    step_ = absl::StrCat("waiting for a verifier", why.empty() ? "" : ": ", core::SanitizeText(why));
    waiting_ = true;
    mutex_.AwaitUntil(absl::Now() + pause, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return interrupted(); });
  }
  return Interruption();
}

absl::Status Driver::VerifyOnce(bool& different) {
  ASSIGN_OR_RETURN(const std::shared_ptr<rpc::VerifierClient> verifier, AwaitVerifier());
  const rpc::StartOptions& options = setup_.options;
  RETURN_IF_ERROR(WithHold(
      [&](Hold& hold) { return BeginChecks(hold.ledger, setup_.migration_id, hold.epoch, options.verify_level); }));
  {
    base::MutexLock lock(&mutex_);
    waiting_ = false;
    step_ = "checking";
  }
  telemetry::Span span = telemetry::Span::Start("verify", plan()->traceparent);
  const telemetry::TraceScope scope(span.traceparent());
  StoredFindings findings(
      setup_.migration_id,
      [this](const StoredFindings::Writing& write) {
        return WithHold([&](Hold& hold) { return write(hold.ledger, hold.epoch); });
      },
      [this](absl::string_view step) {
        base::MutexLock lock(&mutex_);
        step_ = std::string(step);
      });
  rpc::Verification verification{setup_.migration_id, options.connection, source()->snapshot()};
  verification.options.level = options.verify_level;
  verification.options.indexes_wanted = !options.no_indexes;
  verification.options.sessions_max = options.connections_max - core::kLedgerConnections;
  absl::Status verified = verifier->Verify(verification, findings);
  if (verified.ok()) verified = findings.Finish();
  different = findings.different();
  span.Fail(verified);
  return verified;
}

}  // namespace vecferry::coordinator
