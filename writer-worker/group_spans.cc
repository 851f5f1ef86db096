#include "writer-worker/group_spans.h"

#include <optional>
#include <utility>

#include "common/postgres/connection.h"

namespace vecferry::writer {

GroupSpans::GroupSpans(int groups_max, std::string database, std::string table)
    : groups_left_(groups_max),
      parent_(telemetry::CurrentTraceparent()),
      database_(std::move(database)),
      table_(std::move(table)) {}

void GroupSpans::BeginCopy() {
  if (groups_left_ > 0 && !std::exchange(copied_, true)) copy_ = Start("COPY", "COPY");
}

void GroupSpans::EndCopy(const absl::Status& status, const GroupSize& size) { End(copy_, status, size); }

void GroupSpans::BeginCommit() {
  if (groups_left_ > 0 && !commit_.recording()) commit_ = Start("commit", "COMMIT");
}

void GroupSpans::EndGroup(const absl::Status& status, const GroupSize& size) {
  End(copy_, status, size);  // a COPY that ended by itself has ended already
  End(commit_, status, size);
  copied_ = false;
  if (groups_left_ > 0) --groups_left_;
}

telemetry::Span GroupSpans::Start(const char* name, const char* operation) const {
  telemetry::Span span = telemetry::Span::Start(name, parent_, telemetry::SpanKind::kClient);
  span.Set("db.system.name", "postgresql");
  span.Set("db.operation.name", operation);
  span.Set("db.collection.name", table_);
  span.Set("db.namespace", database_);
  return span;
}

void GroupSpans::End(telemetry::Span& span, const absl::Status& status, const GroupSize& size) {
  if (!span.recording()) return;
  span.Set("vecferry.rows", size.rows);
  span.Set("vecferry.bytes", size.bytes);
  if (const std::optional<postgres::SqlError> error = postgres::GetSqlError(status)) {
    span.Set("db.response.status_code", error->sqlstate);
  }
  span.Fail(status);
  span.End();
}

}  // namespace vecferry::writer
