#ifndef VECFERRY_CLI_LOCAL_POSTGRES_H_
#define VECFERRY_CLI_LOCAL_POSTGRES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/child_process.h"
#include "cli/postgres_programs.h"

namespace vecferry::cli {

// The private local Postgres: one server of this user, reached over a unix socket only. Its folder is 0700 and belongs
// to the server's account, so that account and root alone can connect; no password is asked.
// Under root it runs as `postgres`, or `nobody` where that account is missing. Not thread-safe; several processes may
// call at once, a file lock puts them in turn.
//   FOLDER = $VECFERRY_HOME/postgres, /var/lib/vecferry/postgres (root), $XDG_DATA_HOME or
//   ~/.local/share/vecferry/postgres FOLDER/{data,run,server.log,lock}
class LocalPostgres {
 public:
  // Decides where it is; touches nothing.
  static absl::StatusOr<LocalPostgres> Locate();

  const std::string& folder() const { return folder_; }
  std::string url() const;  // without a secret: there is none
  std::string log_path() const;
  bool exists() const;     // a data folder was made
  bool Running() const;    // it answers
  int server_pid() const;  // 0 = none

  // Makes the data folder when there is none, starts the server when it does not run, and waits until database
  // `vecferry` with pgvector is ready.
  absl::Status Start();
  absl::Status Stop();
  // Stops it and removes the folder.
  absl::Status Remove();
  // For the psql of the same installation.
  absl::StatusOr<PostgresPrograms> Programs() const;

 private:
  LocalPostgres() = default;
  std::string data_folder() const;
  std::string UrlOf(const std::string& database) const;
  absl::Status MakeFolders() const;
  absl::Status MakeData(const PostgresPrograms& programs) const;
  absl::Status WriteSettings(const PostgresPrograms& programs) const;
  absl::Status StartServer(const PostgresPrograms& programs) const;
  absl::Status StopServer() const;
  absl::Status MakeDatabase() const;
  void RemoveStaleLocks() const;

  std::string base_;
  std::string folder_;
  std::string socket_folder_;
  std::optional<Account> account_;  // nullopt: our own
};

// What the private server is set to, from the machine's memory. Pure.
std::string ServerSettings(std::int64_t memory_bytes, const std::string& socket_folder, bool shared_memory_is_small,
                           bool has_lz4);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_LOCAL_POSTGRES_H_
