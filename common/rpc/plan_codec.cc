#include "common/rpc/plan_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace vecferry::rpc {
namespace {

template <typename Repeated, typename T>
void Fill(Repeated* repeated, const std::vector<T>& values) {
  repeated->Assign(values.begin(), values.end());
}

template <typename T, typename Repeated>
std::vector<T> ToVector(const Repeated& repeated) {
  return std::vector<T>(repeated.begin(), repeated.end());
}

v1::Column ToProto(const core::Column& column) {
  v1::Column proto;
  proto.set_name(column.name);
  proto.set_type(core::ToString(column.type));
  proto.set_conversion(static_cast<v1::Conversion>(column.conversion));
  proto.set_input(column.input);
  proto.set_not_null(column.not_null);
  if (column.fallback) proto.set_fallback(*column.fallback);
  Fill(proto.mutable_fallback_inputs(), column.fallback_inputs);
  if (column.null_value) proto.set_null_value(*column.null_value);
  proto.set_element_bytes_max(column.element_bytes_max);
  return proto;
}

absl::StatusOr<core::Column> FromProto(const v1::Column& proto) {
  if (!v1::Conversion_IsValid(proto.conversion())) {
    return absl::DataLossError(absl::StrCat("column ", proto.name(), ": no conversion ", proto.conversion()));
  }
  core::Column column;
  column.name = proto.name();
  ASSIGN_OR_RETURN(column.type, core::ParsePgType(proto.type()));
  column.conversion = static_cast<core::Conversion>(proto.conversion());
  column.input = proto.input();
  column.not_null = proto.not_null();
  if (proto.has_fallback()) column.fallback = proto.fallback();
  column.fallback_inputs = ToVector<int>(proto.fallback_inputs());
  if (proto.has_null_value()) column.null_value = proto.null_value();
  column.element_bytes_max = proto.element_bytes_max();
  return column;
}

v1::SourceKey ToProto(const core::SourceKey& key) {
  v1::SourceKey proto;
  proto.set_is_rowid(key.is_rowid);
  Fill(proto.mutable_expressions(), key.expressions);
  Fill(proto.mutable_reported_inputs(), key.reported_inputs);
  Fill(proto.mutable_reported_columns(), key.reported_columns);
  return proto;
}

core::SourceKey FromProto(const v1::SourceKey& proto) {
  return {proto.is_rowid(), ToVector<std::string>(proto.expressions()), ToVector<int>(proto.reported_inputs()),
          ToVector<std::string>(proto.reported_columns())};
}

v1::Mapping ToProto(const core::Mapping& mapping) {
  v1::Mapping proto;
  proto.set_id(mapping.id);
  proto.set_source_table(mapping.source_table);
  proto.set_destination_table(mapping.destination_table);
  proto.set_counted(mapping.counted);
  proto.set_counted_by(mapping.counted_by);
  proto.set_from_sql(mapping.from_sql);
  *proto.mutable_key() = ToProto(mapping.key);
  for (const core::Input& input : mapping.inputs) {
    v1::Input* added = proto.add_inputs();
    added->set_sql(input.sql);
    added->set_source_column(input.source_column);
  }
  for (const core::Column& column : mapping.columns) *proto.add_columns() = ToProto(column);
  Fill(proto.mutable_conflict_key(), mapping.conflict_key);
  proto.set_merge(mapping.mode == core::LoadMode::kMerge);
  Fill(proto.mutable_parents(), mapping.parents);
  Fill(proto.mutable_waiting_keys(), mapping.waiting_keys);
  Fill(proto.mutable_duplicates(), mapping.duplicates);
  proto.set_rows_estimate(mapping.rows_estimate);
  proto.set_bytes_estimate(mapping.bytes_estimate);
  return proto;
}

absl::StatusOr<core::Mapping> FromProto(const v1::Mapping& proto) {
  core::Mapping mapping;
  mapping.id = proto.id();
  mapping.source_table = proto.source_table();
  mapping.destination_table = proto.destination_table();
  mapping.counted = proto.counted();
  mapping.counted_by = proto.counted_by();
  mapping.from_sql = proto.from_sql();
  mapping.key = FromProto(proto.key());
  for (const v1::Input& input : proto.inputs()) mapping.inputs.push_back({input.sql(), input.source_column()});
  for (const v1::Column& column : proto.columns()) {
    ASSIGN_OR_RETURN(core::Column added, FromProto(column));
    mapping.columns.push_back(std::move(added));
  }
  mapping.conflict_key = ToVector<std::string>(proto.conflict_key());
  mapping.mode = proto.merge() ? core::LoadMode::kMerge : core::LoadMode::kFresh;
  mapping.parents = ToVector<int>(proto.parents());
  mapping.waiting_keys = ToVector<std::string>(proto.waiting_keys());
  mapping.duplicates = ToVector<std::string>(proto.duplicates());
  mapping.rows_estimate = proto.rows_estimate();
  mapping.bytes_estimate = proto.bytes_estimate();
  return mapping;
}

v1::FinishStep ToProto(const core::FinishStep& step) {
  v1::FinishStep proto;
  proto.set_kind(static_cast<v1::StepKind>(step.kind));
  proto.set_table(step.table);
  proto.set_name(step.name);
  proto.set_sql(step.sql);
  proto.set_optional(step.optional);
  proto.set_vector_index(step.vector_index);
  proto.set_value(step.value);
  Fill(proto.mutable_columns(), step.columns);
  proto.set_parent_table(step.parent_table);
  Fill(proto.mutable_parent_columns(), step.parent_columns);
  return proto;
}

absl::StatusOr<core::FinishStep> FromProto(const v1::FinishStep& proto) {
  if (!v1::StepKind_IsValid(proto.kind())) {
    return absl::DataLossError(absl::StrCat("step ", proto.name(), ": no kind ", proto.kind()));
  }
  return core::FinishStep{static_cast<core::StepKind>(proto.kind()),
                          proto.table(),
                          proto.name(),
                          proto.sql(),
                          proto.optional(),
                          proto.vector_index(),
                          proto.value(),
                          ToVector<std::string>(proto.columns()),
                          proto.parent_table(),
                          ToVector<std::string>(proto.parent_columns())};
}

v1::Shard ToProto(const core::Shard& shard) {
  v1::Shard proto;
  proto.set_id(shard.id);
  proto.set_mapping(shard.mapping);
  if (shard.lower) proto.set_lower(*shard.lower);
  if (shard.upper) proto.set_upper(*shard.upper);
  return proto;
}

core::Shard FromProto(const v1::Shard& proto) {
  core::Shard shard;
  shard.id = proto.id();
  shard.mapping = proto.mapping();
  if (proto.has_lower()) shard.lower = proto.lower();
  if (proto.has_upper()) shard.upper = proto.upper();
  return shard;
}

}  // namespace

v1::Identity ToProto(const core::Identity& identity) {
  v1::Identity proto;
  proto.set_source_kind(identity.source_kind);
  proto.set_source_path(identity.source_path);
  proto.set_destination_schema(identity.destination_schema);
  proto.set_profile(identity.profile);
  Fill(proto.mutable_only(), identity.only);
  Fill(proto.mutable_skip(), identity.skip);
  Fill(proto.mutable_vector_columns(), identity.vector_columns);
  proto.set_on_conflict(identity.on_conflict);
  proto.set_max_row_bytes(identity.max_row_bytes);
  proto.set_allow_model_mismatch(identity.allow_model_mismatch);
  return proto;
}

core::Identity FromProto(const v1::Identity& proto) {
  return {proto.source_kind(),
          proto.source_path(),
          proto.destination_schema(),
          proto.profile(),
          ToVector<std::string>(proto.only()),
          ToVector<std::string>(proto.skip()),
          ToVector<std::string>(proto.vector_columns()),
          proto.on_conflict(),
          static_cast<std::int64_t>(proto.max_row_bytes()),
          proto.allow_model_mismatch()};
}

v1::Plan ToProto(const core::Plan& plan) {
  v1::Plan proto;
  proto.set_format(plan.format);
  proto.set_revision(static_cast<std::uint32_t>(plan.revision));
  proto.set_snapshot(plan.snapshot);
  proto.set_traceparent(plan.traceparent);
  proto.set_program_version(plan.program_version);
  *proto.mutable_identity() = ToProto(plan.identity);
  proto.set_profile(plan.profile);
  proto.set_profile_reason(core::SanitizeText(plan.profile_reason));
  proto.set_schema_version(plan.schema_version);
  proto.set_source_fingerprint(plan.source_fingerprint);
  proto.set_source_schema_hash(plan.source_schema_hash);
  proto.set_extension_schema(plan.extension_schema);
  if (plan.main_model) {
    proto.mutable_main_model()->set_name(plan.main_model->name);
    proto.mutable_main_model()->set_dimension(plan.main_model->dimension);
    proto.mutable_main_model()->set_hash(plan.main_model->hash);
  }
  Fill(proto.mutable_setup_sql(), plan.setup_sql);
  for (const core::Table& table : plan.tables) {
    v1::Table* added = proto.add_tables();
    added->set_name(table.name);
    added->set_create_sql(table.create_sql);
    added->set_existed(table.existed);
    added->set_oid(table.oid);
  }
  for (const core::Mapping& mapping : plan.mappings) *proto.add_mappings() = ToProto(mapping);
  for (const core::Shard& shard : plan.shards) *proto.add_shards() = ToProto(shard);
  Fill(proto.mutable_seed_sql(), plan.seed_sql);
  for (const core::FinishStep& step : plan.steps) *proto.add_steps() = ToProto(step);
  for (const core::LeftOut& left_out : plan.left_out) {
    v1::LeftOut* added = proto.add_left_out();
    added->set_name(left_out.name);
    added->set_reason(core::SanitizeText(left_out.reason));
  }
  for (const std::string& note : plan.notes) proto.add_notes(core::SanitizeText(note));
  return proto;
}

absl::StatusOr<core::Plan> FromProto(const v1::Plan& proto) {
  if (proto.format() != core::kPlanFormat) {
    return absl::FailedPreconditionError(absl::StrCat("the plan has format ", proto.format(), " (made by vecferry ",
                                                      proto.program_version(), "), this program knows format ",
                                                      core::kPlanFormat));
  }
  core::Plan plan;
  plan.format = proto.format();
  plan.revision = static_cast<int>(proto.revision());
  plan.snapshot = proto.snapshot();
  plan.traceparent = proto.traceparent();
  plan.program_version = proto.program_version();
  plan.identity = FromProto(proto.identity());
  plan.profile = proto.profile();
  plan.profile_reason = proto.profile_reason();
  plan.schema_version = proto.schema_version();
  plan.source_fingerprint = proto.source_fingerprint();
  plan.source_schema_hash = proto.source_schema_hash();
  plan.extension_schema = proto.extension_schema();
  if (proto.has_main_model()) {
    const v1::EmbeddingModel& model = proto.main_model();
    plan.main_model = core::EmbeddingModel{model.name(), static_cast<int>(model.dimension()), model.hash()};
  }
  plan.setup_sql = ToVector<std::string>(proto.setup_sql());
  for (const v1::Table& table : proto.tables()) {
    plan.tables.push_back({table.name(), table.create_sql(), table.existed(), table.oid()});
  }
  for (const v1::Mapping& mapping : proto.mappings()) {
    ASSIGN_OR_RETURN(core::Mapping added, FromProto(mapping));
    plan.mappings.push_back(std::move(added));
  }
  for (const v1::Shard& shard : proto.shards()) plan.shards.push_back(FromProto(shard));
  plan.seed_sql = ToVector<std::string>(proto.seed_sql());
  for (const v1::FinishStep& step : proto.steps()) {
    ASSIGN_OR_RETURN(core::FinishStep added, FromProto(step));
    plan.steps.push_back(std::move(added));
  }
  for (const v1::LeftOut& left_out : proto.left_out()) {
    plan.left_out.push_back({left_out.name(), left_out.reason()});
  }
  plan.notes = ToVector<std::string>(proto.notes());
  return plan;
}

std::string SerializePlan(const core::Plan& plan) { return ToProto(plan).SerializeAsString(); }

absl::StatusOr<core::Plan> ParsePlan(const std::string& bytes) {
  v1::Plan proto;
  if (!proto.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat("the stored plan (", bytes.size(), " bytes) is damaged"));
  }
  return FromProto(proto);
}

}  // namespace vecferry::rpc
