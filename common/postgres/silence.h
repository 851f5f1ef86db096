#ifndef VECFERRY_COMMON_POSTGRES_SILENCE_H_
#define VECFERRY_COMMON_POSTGRES_SILENCE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

struct pg_conn;

namespace vecferry::postgres {

// How to ask about a session whose server says nothing: by a new connection to the same server.
struct Lifeline {
  std::string conninfo;  // may hold a password: never printed
  int backend_pid = 0;
  absl::Duration silence_max = absl::Seconds(60);  // libpq's tcp_user_timeout, where the conninfo gives one
};

// A long index build and a peer that was lost without a farewell look the same from here: no byte comes. After each
// `silence_max` of it the server is therefore asked on a new connection. The wait goes on while the session works or
// waits for a lock, and while the server answers without telling. It ends with kUnavailable, the connection closed,
// when nobody answers, when the session is gone, or when twice in turn it was waiting for us: then what one side sent
// never reached the other.

// Sends what libpq holds.
absl::Status AwaitSent(pg_conn* session, const Lifeline& lifeline);

// Sends what libpq holds and waits until PQgetResult need not wait.
absl::Status AwaitResult(pg_conn* session, const Lifeline& lifeline);

// For a COPY TO STDOUT. The first takes what has arrived, the second waits until something arrives; a record of TLS may
// hold what shows on no socket, so one goes before the other.
absl::Status TakePending(pg_conn* session);
absl::Status AwaitInput(pg_conn* session, const Lifeline& lifeline);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_SILENCE_H_
