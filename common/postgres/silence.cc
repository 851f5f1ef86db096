#include "common/postgres/silence.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/postgres/open.h"
#include "common/postgres/sql_error.h"

namespace vecferry::postgres {
namespace {

// For the question; connecting has a bound of its own.
constexpr absl::Duration kAnswerMax = absl::Seconds(10);
// A record of TLS or GSS is 16 KiB, of which libpq takes at least 8 KiB at a time; what it left there no poll() shows.
constexpr int kReadsMax = 3;
// One such answer may be overtaken by the result itself.
constexpr int kWaitsForUsMax = 2;

absl::Status ConnectionLost(const PGconn* session) {
  return absl::UnavailableError(absl::StrCat("connection lost: ", OneLine(PQerrorMessage(session))));
}

// False when `patience` passed first. Whatever else happened, libpq tells at the next call.
bool PollFor(const PGconn* session, short events, absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (true) {
    pollfd ready{PQsocket(session), events, 0};
    const auto left = std::max<std::int64_t>(0, absl::ToInt64Milliseconds(deadline - absl::Now()));
    const int polled = poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
    if (polled > 0) return true;
    if (polled == 0 && absl::Now() >= deadline) return false;
    if (polled < 0 && errno != EINTR) return true;
  }
}

// False: the connection has ended.
bool Consume(PGconn* session) {
  const int reads = PQsslInUse(session) == 1 || PQgssEncInUse(session) == 1 ? kReadsMax : 1;
  for (int i = 0; i < reads && PQisBusy(session) == 1; ++i) {
    if (PQconsumeInput(session) == 0) return false;
  }
  return PQsocket(session) >= 0;
}

struct FinishSession {
  void operator()(PGconn* session) const { PQfinish(session); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};

enum class Standing { kWorking, kWaitingForUs, kGone };

// What the server says of session `pid`. kUnavailable: nobody answers.
absl::StatusOr<Standing> AskAbout(const Lifeline& lifeline) {
  absl::StatusOr<PGconn*> raw = OpenSession({.conninfo = lifeline.conninfo, .application_name = "vecferry/look"});
  if (absl::IsUnavailable(raw.status())) return raw.status();
  if (!raw.ok()) return Standing::kWorking;  // such as no free connection: an answer all the same
  const std::unique_ptr<PGconn, FinishSession> session(*raw);
  const std::string pid = absl::StrCat(lifeline.backend_pid);
  const std::array<const char*, 1> values = {pid.c_str()};
  PQsendQueryParams(session.get(),
                    "SELECT coalesce(wait_event, '') = 'ClientRead' FROM pg_catalog.pg_stat_activity WHERE pid = $1", 1,
                    nullptr, values.data(), nullptr, nullptr, 0);
  const absl::Time deadline = absl::Now() + kAnswerMax;
  while (PQisBusy(session.get()) == 1) {
    if (!PollFor(session.get(), POLLIN, deadline - absl::Now())) {
      return absl::UnavailableError("it took a new connection, and answers nothing on it");
    }
    if (!Consume(session.get())) break;
  }
  const std::unique_ptr<PGresult, ClearResult> told(PQgetResult(session.get()));
  RETURN_IF_ERROR(ToStatus(told.get(), session.get()));
  if (PQntuples(told.get()) == 0) return Standing::kGone;
  return PQgetvalue(told.get(), 0, 0)[0] == 't' ? Standing::kWaitingForUs : Standing::kWorking;
}

// One wait for one thing.
class Wait {
 public:
  Wait(PGconn* session, const Lifeline& lifeline) : session_(session), lifeline_(lifeline) {}

  // Returns when the socket has one of `events`, or has ended.
  absl::Status For(short events) {
    while (!PollFor(session_, events, lifeline_.silence_max)) RETURN_IF_ERROR(Look());
    return absl::OkStatus();
  }

 private:
  absl::Status Look() {
    const absl::StatusOr<Standing> standing = AskAbout(lifeline_);
    if (!standing.ok()) return Cut(absl::StrCat("and then not at all: ", standing.status().message()));
    if (*standing == Standing::kGone) return Cut("and its session is gone");
    waits_for_us_ = *standing == Standing::kWaitingForUs ? waits_for_us_ + 1 : 0;
    return waits_for_us_ < kWaitsForUsMax ? absl::OkStatus() : Cut("and waits for what was sent to it");
  }

  absl::Status Cut(absl::string_view why) {
    shutdown(PQsocket(session_), SHUT_RDWR);
    PQconsumeInput(session_);  // lets libpq see the end
    return absl::UnavailableError(absl::StrCat("connection lost: the server said nothing for ",
                                               absl::FormatDuration(lifeline_.silence_max), ", ", why));
  }

  PGconn* const session_;
  const Lifeline& lifeline_;
  int waits_for_us_ = 0;
};

}  // namespace

absl::Status AwaitSent(PGconn* session, const Lifeline& lifeline) {
  Wait wait(session, lifeline);
  while (true) {
    const int flushed = PQflush(session);
    if (flushed == 0) return absl::OkStatus();
    if (flushed < 0 || PQsocket(session) < 0) return ConnectionLost(session);
    RETURN_IF_ERROR(wait.For(POLLIN | POLLOUT));
    // Reading lets the server go on when it has something to say first.
    if (PQconsumeInput(session) == 0) return ConnectionLost(session);
  }
}

absl::Status AwaitResult(PGconn* session, const Lifeline& lifeline) {
  RETURN_IF_ERROR(AwaitSent(session, lifeline));
  Wait wait(session, lifeline);
  // What ends the connection is told by the result.
  while (Consume(session) && PQisBusy(session) == 1) RETURN_IF_ERROR(wait.For(POLLIN));
  return absl::OkStatus();
}

absl::Status TakePending(PGconn* session) {
  const int reads = PQsslInUse(session) == 1 || PQgssEncInUse(session) == 1 ? kReadsMax : 1;
  for (int i = 0; i < reads; ++i) {
    if (PQconsumeInput(session) == 0) return ConnectionLost(session);
  }
  return absl::OkStatus();
}

absl::Status AwaitInput(PGconn* session, const Lifeline& lifeline) {
  RETURN_IF_ERROR(AwaitSent(session, lifeline));
  return Wait(session, lifeline).For(POLLIN);
}

}  // namespace vecferry::postgres
