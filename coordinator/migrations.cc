#include "coordinator/migrations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/postgres/ledger.h"
#include "common/rpc/plan_codec.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing.h"
#include "coordinator/destination.h"
#include "coordinator/hold.h"
#include "coordinator/identity.h"
#include "coordinator/planning.h"
#include "coordinator/request.h"
#include "coordinator/stage_clock.h"

namespace vecferry::coordinator {

// While it lives, Stop() ends the statement of a session.
class Migrations::Cancellable {
 public:
  Cancellable(Migrations& migrations, const postgres::Connection& session) : migrations_(migrations) {
    base::MutexLock lock(&migrations_.mutex_);
    place_ = migrations_.planning_.insert(migrations_.planning_.end(), session.canceller());
  }
  ~Cancellable() {
    base::MutexLock lock(&migrations_.mutex_);
    migrations_.planning_.erase(place_);
  }
  Cancellable(const Cancellable&) = delete;
  Cancellable& operator=(const Cancellable&) = delete;

 private:
  Migrations& migrations_;
  std::list<postgres::Connection::Canceller>::iterator place_;
};

Migrations::Migrations(const CoordinatorOptions& options, std::shared_ptr<Sources> sources,
                       std::shared_ptr<Workers> workers, postgres::ConnectionResolver resolver)
    : options_(options),
      sources_(std::move(sources)),
      resolver_(std::move(resolver)),
      workers_(std::move(workers)),
      metrics_(*options_.registry) {}

Migrations::~Migrations() { Stop(); }

void Migrations::Stop() {
  std::list<postgres::Connection::Canceller> planning;
  std::list<std::shared_ptr<Source>> read;
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
    planning = planning_;
    read = planned_;
  }
  for (const postgres::Connection::Canceller& session : planning) session.Cancel();
  for (const std::shared_ptr<Source>& source : read) source->connection().Interrupt();
  const Leave leave = options_.life == Life::kService ? Leave::kRunning : Leave::kPaused;
  for (const DriverPointer& driver : Drivers()) driver->Stop(leave);
  for (const DriverPointer& driver : Drivers()) driver->CancelStatement();
}

bool Migrations::stopping() {
  base::MutexLock lock(&mutex_);
  return stopping_;
}

absl::StatusOr<std::string> Migrations::Resolve(const std::string& connection) { return resolver_(connection); }

absl::StatusOr<postgres::Connection> Migrations::Open(const std::string& conninfo, const std::string& name) {
  postgres::ConnectionOptions options;
  options.conninfo = conninfo;
  options.application_name = name;
  options.stopping = [this] { return stopping(); };
  return postgres::Connection::Open(options);
}

// ---- plans ----

absl::StatusOr<core::Plan> Migrations::Draw(const std::shared_ptr<Source>& source, const core::Identity& identity,
                                            const postgres::Catalog* catalog) {
  std::list<std::shared_ptr<Source>>::iterator place;
  {
    base::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopped before the plan was drawn");
    place = planned_.insert(planned_.end(), source);
  }
  absl::StatusOr<core::Plan> plan =
      DrawPlan(*source->connection().Take(), source->fingerprint(), identity, catalog, options_.shard_bytes_max);
  {
    base::MutexLock lock(&mutex_);
    planned_.erase(place);
  }
  if (!plan.ok()) return plan;
  plan->program_version = VECFERRY_VERSION;
  plan->snapshot = source->snapshot();
  return plan;
}

absl::StatusOr<core::Plan> Migrations::Look(const core::Identity& identity, const postgres::Catalog* catalog) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Source> source,
                   sources_->Look(identity.source_path, [this] { return stopping(); }));
  return Draw(source, identity, catalog);
}

absl::StatusOr<Migrations::Drawn> Migrations::Plan(const rpc::StartOptions& asked) {
  ASSIGN_OR_RETURN(const rpc::StartOptions options, CheckRequest(asked, options_.life));
  Drawn drawn;
  const absl::StatusOr<std::string> conninfo = Resolve(options.connection);
  // The private server does not run yet.
  if (options_.life == Life::kCommand && absl::IsNotFound(conninfo.status())) {
    ASSIGN_OR_RETURN(drawn.plan, Look(options.identity, nullptr));
    return drawn;
  }
  RETURN_IF_ERROR(conninfo.status());
  if (options.to_compare) return PlanToCompare(*conninfo, options.identity);
  ASSIGN_OR_RETURN(postgres::Connection session,
                   OpenWritingSession(*conninfo, "vecferry/plan", [this] { return stopping(); }));
  const Cancellable cancellable(*this, session);
  const std::string& schema = options.identity.destination_schema;
  ASSIGN_OR_RETURN(const bool ledger, postgres::LedgerExists(session));
  if (ledger) {
    ASSIGN_OR_RETURN(const std::optional<postgres::MigrationRow> unfinished,
                     postgres::FindUnfinished(session, IdentityText(options.identity)));
    if (unfinished) {
      ASSIGN_OR_RETURN(drawn.plan, rpc::ParsePlan(unfinished->plan));
      drawn.resumes_migration_id = unfinished->id;
      return drawn;
    }
    RETURN_IF_ERROR(CheckClaims(session, schema, nullptr));
  }
  ASSIGN_OR_RETURN(const postgres::Catalog catalog, postgres::ReadCatalog(session, schema));
  RETURN_IF_ERROR(CheckDestination(catalog, schema, ledger));
  ASSIGN_OR_RETURN(drawn.plan, Look(options.identity, &catalog));
  for (const core::Mapping& mapping : drawn.plan.mappings) {
    if (mapping.mode != core::LoadMode::kMerge) continue;
    ASSIGN_OR_RETURN(
        const postgres::Result rows,
        session.Execute(absl::StrCat("SELECT count(*) FROM ", core::QualifiedName(schema, mapping.destination_table))));
    drawn.rows_present[mapping.id] = rows.integer(0, 0);
  }
  return drawn;
}

absl::StatusOr<Migrations::Drawn> Migrations::PlanToCompare(const std::string& conninfo,
                                                            const core::Identity& identity) {
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/plan"));
  const Cancellable cancellable(*this, session);
  ASSIGN_OR_RETURN(const postgres::Catalog catalog, postgres::ReadCatalog(session, identity.destination_schema));
  RETURN_IF_ERROR(CheckComparable(catalog, identity.destination_schema));
  absl::StatusOr<core::Plan> plan = Look(identity, &catalog);
  if (plan.ok()) return Drawn{*std::move(plan)};
  // Half-loaded tables look odd; who holds them is what to say, where the ledger may be asked.
  const absl::Status claims = CheckClaims(session, identity.destination_schema, nullptr);
  return absl::IsAlreadyExists(claims) ? claims : plan.status();
}

absl::StatusOr<Migrations::Found> Migrations::PlanNew(postgres::Connection& session, const rpc::StartOptions& options) {
  const absl::Time asked = absl::Now();
  const absl::Duration begin = Monotonic();
  const std::string& schema = options.identity.destination_schema;
  ASSIGN_OR_RETURN(const bool ledger, postgres::LedgerExists(session));
  ASSIGN_OR_RETURN(const postgres::Catalog catalog, postgres::ReadCatalog(session, schema));
  RETURN_IF_ERROR(CheckDestination(catalog, schema, ledger));
  ASSIGN_OR_RETURN(std::shared_ptr<Source> source,
                   sources_->Open(options.identity.source_path, "", [this] { return stopping(); }));
  absl::StatusOr<core::Plan> plan = Draw(source, options.identity, &catalog);
  // Half-loaded tables of another migration look odd; who holds them is what to say.
  if (ledger) RETURN_IF_ERROR(CheckClaims(session, schema, plan.ok() ? &*plan : nullptr));
  RETURN_IF_ERROR(plan.status());
  postgres::MigrationRow row;
  row.identity = IdentityText(options.identity);
  row.options = OptionsJson(options, options_.life);
  row.program_version = VECFERRY_VERSION;
  plan->traceparent = telemetry::NewTraceparent();
  RETURN_IF_ERROR(StorePlan(session, catalog, *plan, begin, row));
  telemetry::Span::Tell("plan", plan->traceparent, telemetry::SpanKind::kInternal, asked, absl::Now(),
                        {{"vecferry.migration.id", row.id}});
  if (!plan->traceparent.empty()) {
    RETURN_IF_ERROR(postgres::RecordEvent(session, row.id, "trace", telemetry::TraceIdOf(plan->traceparent)));
  }
  return Found{std::move(row), std::move(source)};
}

absl::StatusOr<Migrations::Found> Migrations::FindOrPlan(postgres::Connection& session,
                                                         const rpc::StartOptions& options) {
  const Cancellable cancellable(*this, session);
  ASSIGN_OR_RETURN(const PlanningLock lock,
                   PlanningLock::Take(session, options.identity.destination_schema, options_.claim_patience));
  ASSIGN_OR_RETURN(const bool ledger, postgres::LedgerExists(session));
  if (ledger) {
    RETURN_IF_ERROR(postgres::EnsureLedger(session));
    ASSIGN_OR_RETURN(std::optional<postgres::MigrationRow> unfinished,
                     postgres::FindUnfinished(session, IdentityText(options.identity)));
    if (unfinished) {
      RETURN_IF_ERROR(rpc::ParsePlan(unfinished->plan).status());  // a newer one is left as it is
      return Found{*std::move(unfinished), nullptr};
    }
  }
  return PlanNew(session, options);
}

// ---- starting ----

absl::StatusOr<rpc::Started> Migrations::Start(const rpc::StartOptions& asked) {
  ASSIGN_OR_RETURN(const rpc::StartOptions options, CheckRequest(asked, options_.life));
  if (options.to_compare) return absl::InvalidArgumentError("to_compare: true; allowed: false, but in Plan");
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(options.connection));
  ASSIGN_OR_RETURN(postgres::Connection ledger, OpenCoordinatorSession(conninfo, [this] { return stopping(); }));
  RETURN_IF_ERROR(CheckConnectionLimit(ledger, options.connections_max));
  ASSIGN_OR_RETURN(Found found, FindOrPlan(ledger, options));
  const std::string id = found.row.id;
  const DriverPointer driver = FindDriver(id);
  // One that was paused or cancelled may not have noticed yet, and stops.
  if (driver != nullptr && !driver->ended() && core::IsRunning(found.row.state)) return rpc::Started{id, true};
  const absl::StatusOr<rpc::Started> started = Drive(conninfo, options, std::move(found), std::move(ledger));
  if (options_.life == Life::kCommand || !absl::IsAlreadyExists(started.status())) return started;
  // Another coordinator drives it, or did a moment ago: it can be watched from here. Not so where that one is to stop.
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/status"));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  if (!core::IsRunning(row.state) && !core::IsEnded(row.state)) return started;
  return rpc::Started{id, true};
}

absl::StatusOr<rpc::Started> Migrations::Drive(const std::string& conninfo, const rpc::StartOptions& options,
                                               Found found, postgres::Connection ledger) {
  const postgres::MigrationRow& row = found.row;
  const bool resumed = found.source == nullptr;
  ASSIGN_OR_RETURN(Hold hold, TakeHold(conninfo, row.id, std::move(ledger), options_.claim_patience));
  // Whoever held it may have changed it while this one waited.
  ASSIGN_OR_RETURN(const postgres::MigrationRow held, postgres::GetMigration(hold.ledger, row.id));
  if (core::IsEnded(held.state)) {
    return absl::AlreadyExistsError(
        absl::StrCat("migration ", row.id, " was finished by another process a moment ago (",
                     core::ToString(held.state), "): run the same command again to compare"));
  }
  if (found.only_running && !core::IsRunning(held.state)) {
    return absl::AlreadyExistsError(
        absl::StrCat("migration ", row.id, " was halted meanwhile (", core::ToString(held.state), ")"));
  }
  ASSIGN_OR_RETURN(core::Plan plan, rpc::ParsePlan(held.plan));
  RETURN_IF_ERROR(postgres::SetOptions(hold.ledger, row.id, hold.epoch, OptionsJson(options, options_.life)));
  // From here on it runs, for whoever looks: a coordinator that dies now leaves it to be taken up.
  if (!core::IsRunning(held.state)) {
    RETURN_IF_ERROR(postgres::SetState(hold.ledger, row.id, hold.epoch, core::State::kCopying, ""));
  }
  if (!resumed) {
    core::StageSeconds planned;  // the plan's own were stored with it
    planned.total = row.seconds.plan;
    RETURN_IF_ERROR(postgres::AddStageSeconds(hold.ledger, row.id, hold.epoch, planned));
  }
  DriverSetup setup{row.id, options, conninfo, options_, *sources_, *workers_, metrics_};
  std::vector<DriverPointer> replaced;  // destroyed, which joins threads, after the lock is free
  base::MutexLock guard(&mutex_);
  if (stopping_) return absl::CancelledError("stopped before the first row; the same command goes on");
  const auto ended = std::stable_partition(
      drivers_.begin(), drivers_.end(), [&](const DriverPointer& driver) { return driver->migration_id() != row.id; });
  replaced.assign(ended, drivers_.end());
  drivers_.erase(ended, drivers_.end());
  if (options_.life == Life::kService) {
    telemetry::LogInfo(absl::StrCat(
        "migration ", row.id, resumed ? " goes on: " : " begins: ", core::SanitizeText(options.identity.source_path),
        " to connection ", core::SanitizeText(options.connection), ", schema ",
        core::SanitizeText(options.identity.destination_schema)));
  }
  drivers_.push_back(
      std::make_shared<Driver>(std::move(setup), std::move(found.source), std::move(plan), std::move(hold)));
  return rpc::Started{row.id, resumed};
}

// ---- looking ----

Migrations::DriverPointer Migrations::FindDriver(const std::string& id) {
  base::MutexLock lock(&mutex_);
  const auto found = std::find_if(drivers_.begin(), drivers_.end(),
                                  [&](const DriverPointer& driver) { return driver->migration_id() == id; });
  return found == drivers_.end() ? nullptr : *found;
}

Migrations::DriverPointer Migrations::FindWorking(const std::string& id) {
  DriverPointer driver = FindDriver(id);
  return driver != nullptr && options_.life == Life::kService && driver->ended() ? nullptr : driver;
}

absl::StatusOr<Migrations::DriverPointer> Migrations::NeedDriver(const std::string& id) {
  DriverPointer driver = FindDriver(id);
  if (driver == nullptr) return absl::NotFoundError(absl::StrCat("migration ", id, " does not run here"));
  return driver;
}

std::vector<Migrations::DriverPointer> Migrations::Drivers() {
  base::MutexLock lock(&mutex_);
  return drivers_;
}

}  // namespace vecferry::coordinator
