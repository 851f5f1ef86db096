#include "common/service/coordinators.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/telemetry/log.h"

namespace vecferry::service {
namespace {

std::string NameOf(const HostPort& target) { return absl::StrCat(target.host, " port ", target.port); }

}  // namespace

Coordinators::Coordinators(CoordinatorsOptions options)
    : options_(std::move(options)),
      leases_([this] { return peers(); }),
      sources_(MakeRoutedSources([this] { return peers(); })),
      found_(options_.targets.size()) {
  for (const HostPort& target : options_.targets) {
    resolve_troubles_.emplace_back(absl::StrCat("no coordinator is found at ", NameOf(target)),
                                   absl::StrCat("coordinators are found at ", NameOf(target), " again"));
  }
}

Coordinators::~Coordinators() {
  {
    base::MutexLock lock(&mutex_);
    ending_ = true;
  }
  if (thread_.joinable()) thread_.join();
  // All together: one that does not answer takes seconds.
  for (const auto& [address, link] : links()) link->End();
}

void Coordinators::Start(const std::string& listening) {
  if (options_.beat.kind == rpc::WorkerKind::kReader) {
    options_.beat.address.clear();  // it is never called
  } else if (options_.beat.address.empty()) {
    options_.beat.address = listening;
  }
  thread_ = std::thread([this] { Run(); });
}

void Coordinators::BeginDrain() {
  base::MutexLock lock(&mutex_);
  draining_ = true;
  for (const auto& [address, link] : links_) link->Drain();
}

KnownSnapshots Coordinators::snapshots() {
  base::MutexLock lock(&mutex_);
  KnownSnapshots known;
  known.all_answered = all_joined_ && !links_.empty();
  for (const auto& [address, link] : links_) {
    known.all_answered = known.all_answered && link->AnswersLately();
    for (const std::string& snapshot : link->snapshots()) known.in_use.insert(snapshot);
  }
  for (const auto& [snapshot, when] : named_) known.in_use.insert(snapshot);
  return known;
}

std::string Coordinators::WhyNotReady() {
  for (const auto& [address, link] : links()) {
    if (link->AnswersLately()) return "";
  }
  std::string names;
  for (const HostPort& target : options_.targets) absl::StrAppend(&names, names.empty() ? "" : ", ", NameOf(target));
  return absl::StrCat("no coordinator answers at ", names);
}

void Coordinators::Run() {
  while (true) {
    Resolve();
    LeaveThoseGone();
    NoteSnapshots();
    const KnownSnapshots known = snapshots();
    if (known.all_answered && options_.on_snapshots) options_.on_snapshots(known.in_use);
    base::MutexLock lock(&mutex_);
    const auto ending = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_; };
    if (mutex_.AwaitUntil(absl::Now() + options_.resolve_interval, ending)) return;
  }
}

void Coordinators::Resolve() {
  bool all_joined = true;
  for (std::size_t i = 0; i < options_.targets.size(); ++i) {
    absl::StatusOr<std::vector<std::string>> found = options_.resolve(options_.targets[i]);
    resolve_troubles_[i].Note(found.status());
    all_joined = all_joined && found.ok();
    // A name server that is away has moved nobody.
    if (found.ok()) found_[i] = *std::move(found);
    for (const std::string& address : found_[i]) all_joined = Join(address) && all_joined;
  }
  base::MutexLock lock(&mutex_);
  all_joined_ = all_joined;
}

bool Coordinators::Join(const std::string& address) {
  if (links().count(address) > 0) return true;
  absl::StatusOr<CoordinatorLink::Clients> clients = MakeClients(address);
  join_troubles_
      .try_emplace(address, absl::StrCat("coordinator ", address, " cannot be joined"),
                   absl::StrCat("coordinator ", address, " can be joined"))
      .first->second.Note(clients.status());
  if (!clients.ok()) return false;
  join_troubles_.erase(address);
  telemetry::LogInfo(absl::StrCat("coordinator ", address, " is found; this is worker ", worker()));
  base::MutexLock lock(&mutex_);
  rpc::WorkerBeat beat = options_.beat;
  beat.draining = draining_;
  links_.emplace(address, std::make_shared<CoordinatorLink>(address, *std::move(clients), std::move(beat)));
  return true;
}

absl::StatusOr<CoordinatorLink::Clients> Coordinators::MakeClients(const std::string& address) const {
  RETURN_IF_ERROR(rpc::CheckPlainText("--coordinator", address, options_.tls, options_.insecure));
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                   rpc::MakeChannel(address, options_.tls, rpc::Role::kCoordinator));
  return CoordinatorLink::Clients{rpc::MakeWorkerClient(channel), rpc::MakeLeaseClient(channel),
                                  rpc::MakeSourceClient(channel)};
}

void Coordinators::LeaveThoseGone() {
  Links left;
  for (const auto& [address, link] : links()) {
    const bool found = std::any_of(found_.begin(), found_.end(), [&, name = address](const auto& addresses) {
      return std::find(addresses.begin(), addresses.end(), name) != addresses.end();
    });
    if (!found && !link->AnswersLately() && !leases_.HasLeasesOf(address)) left.emplace(address, link);
  }
  for (const auto& [address, link] : left) {
    telemetry::LogInfo(absl::StrCat("coordinator ", address, " is gone"));
    base::MutexLock lock(&mutex_);
    links_.erase(address);
  }
}

void Coordinators::NoteSnapshots() {
  const absl::Time now = absl::Now();
  base::MutexLock lock(&mutex_);
  for (const auto& [address, link] : links_) {
    for (const std::string& snapshot : link->snapshots()) named_[snapshot] = now;
  }
  for (auto named = named_.begin(); named != named_.end();) {
    named = now - named->second > options_.snapshots_kept ? named_.erase(named) : std::next(named);
  }
}

Coordinators::Links Coordinators::links() {
  base::MutexLock lock(&mutex_);
  return links_;
}

std::vector<Peer> Coordinators::peers() {
  std::vector<Peer> all;
  for (const auto& [address, link] : links()) all.push_back(link->peer());
  return all;
}

}  // namespace vecferry::service
