#include "coordinator/destination.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::string_view kLoading = "vecferry: loading";
constexpr std::size_t kStatementBytesShown = 400;  // enough for every index definition; a long seed is cut

bool Made(const core::Table& table) { return !table.existed; }

// The oid of a relation by its name; 0 = there is none.
absl::StatusOr<std::uint32_t> FindOid(postgres::Connection& session, const std::string& qualified_name) {
  ASSIGN_OR_RETURN(const postgres::Result oid,
                   session.Execute("SELECT coalesce(to_regclass($1)::oid, 0)", {qualified_name}));
  return static_cast<std::uint32_t>(oid.integer(0, 0));
}

// Default privileges of the owner may have granted the table to others the moment it was made.
absl::Status RevokeGrants(postgres::Connection& session, const std::string& name, std::uint32_t oid) {
  ASSIGN_OR_RETURN(
      const postgres::Result grantees,
      session.Execute("SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'"
                      " ELSE quote_ident(pg_get_userbyid(a.grantee)) END"
                      " FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1 AND a.grantee <> c.relowner",
                      {static_cast<std::int64_t>(oid)}));
  for (int i = 0; i < grantees.rows(); ++i) {
    RETURN_IF_ERROR(session.ExecuteScript(absl::StrCat("REVOKE ALL ON ", name, " FROM ", grantees.text(i, 0))));
  }
  return absl::OkStatus();
}

absl::Status MakeTable(postgres::Connection& session, const std::string& name, core::Table& table) {
  RETURN_IF_ERROR(
      NameStatement(session.ExecuteScript(table.create_sql), absl::StrCat("making table ", name), table.create_sql));
  RETURN_IF_ERROR(session.ExecuteScript(absl::StrCat("COMMENT ON TABLE ", name, " IS ", core::QuoteLiteral(kLoading))));
  ASSIGN_OR_RETURN(table.oid, FindOid(session, name));
  if (table.oid == 0) {
    return absl::InternalError(absl::StrCat("the plan's statement did not make table ", name));
  }
  return RevokeGrants(session, name, table.oid);
}

absl::Status GrantDefaults(postgres::Connection& session, const std::string& name, std::uint32_t oid) {
  ASSIGN_OR_RETURN(
      const postgres::Result grants,
      session.Execute("SELECT DISTINCT format('GRANT %s ON %s TO %s%s', a.privilege_type, $2::text,"
                      " CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
                      " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
                      " FROM pg_class c JOIN pg_default_acl d ON d.defaclobjtype = 'r' AND d.defaclrole = c.relowner"
                      " AND d.defaclnamespace IN (0, c.relnamespace), aclexplode(d.defaclacl) a"
                      " WHERE c.oid = $1 AND a.grantee <> c.relowner",
                      {static_cast<std::int64_t>(oid), name}));
  for (int i = 0; i < grants.rows(); ++i) RETURN_IF_ERROR(session.ExecuteScript(std::string(grants.text(i, 0))));
  return absl::OkStatus();
}

}  // namespace

std::string SearchPath(const core::Plan& plan) {
  std::string path = core::QuoteIdentifier(plan.identity.destination_schema);
  if (plan.extension_schema != plan.identity.destination_schema) {
    absl::StrAppend(&path, ", ", core::QuoteIdentifier(plan.extension_schema));
  }
  return path;
}

absl::Status NameStatement(const absl::Status& status, absl::string_view what, absl::string_view sql) {
  if (status.ok()) return status;
  const absl::string_view shown = sql.substr(0, kStatementBytesShown);
  absl::Status named(status.code(), absl::StrCat(what, " failed: ", status.message(),
                                                 "; the statement was: ", absl::StrReplaceAll(shown, {{"\n", " "}}),
                                                 shown.size() < sql.size() ? " ..." : ""));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
  return named;
}

absl::Status MakeTables(postgres::Connection& session, const postgres::Catalog& catalog, core::Plan& plan) {
  const std::string& schema = plan.identity.destination_schema;
  const auto run = [&](absl::string_view what, const std::string& sql) {
    return NameStatement(session.ExecuteScript(sql), what, sql);
  };
  if (!catalog.schema_exists) {
    RETURN_IF_ERROR(
        run("making the destination schema", absl::StrCat("CREATE SCHEMA ", core::QuoteIdentifier(schema))));
  }
  if (catalog.extension_version.empty()) {
    RETURN_IF_ERROR(run("installing pgvector", absl::StrCat("CREATE EXTENSION IF NOT EXISTS vector SCHEMA ",
                                                            core::QuoteIdentifier(plan.extension_schema))));
  }
  RETURN_IF_ERROR(session.ExecuteScript(absl::StrCat("SET LOCAL search_path TO ", SearchPath(plan))));
  for (const std::string& sql : plan.setup_sql) RETURN_IF_ERROR(run("preparing the destination schema", sql));
  for (core::Table& table : plan.tables) {
    if (Made(table)) RETURN_IF_ERROR(MakeTable(session, core::QualifiedName(schema, table.name), table));
  }
  for (const std::string& sql : plan.seed_sql) RETURN_IF_ERROR(run("writing the profile's own rows", sql));
  return absl::OkStatus();
}

absl::Status CheckTables(postgres::Connection& session, const core::Plan& plan) {
  for (const core::Table& table : plan.tables) {
    const std::string name = core::QualifiedName(plan.identity.destination_schema, table.name);
    ASSIGN_OR_RETURN(const std::uint32_t oid, FindOid(session, name));
    if (oid == 0 || (Made(table) && oid != table.oid)) {
      return absl::FailedPreconditionError(
          absl::StrCat("destination table ", name, oid == 0 ? " is gone" : " was replaced by another of the same name",
                       " since the migration began: cancel it with `vecferry migrate cancel --drop` and run the same "
                       "command again"));
    }
  }
  return absl::OkStatus();
}

absl::Status OpenTables(postgres::Connection& session, const core::Plan& plan) {
  for (const core::Table& table : plan.tables) {
    if (!Made(table)) continue;
    const std::string name = core::QualifiedName(plan.identity.destination_schema, table.name);
    ASSIGN_OR_RETURN(const postgres::Result comment,
                     session.Execute("SELECT obj_description($1, 'pg_class') IS NOT DISTINCT FROM $2",
                                     {static_cast<std::int64_t>(table.oid), std::string(kLoading)}));
    if (!comment.truth(0, 0)) continue;
    RETURN_IF_ERROR(session.ExecuteScript(absl::StrCat("COMMENT ON TABLE ", name, " IS NULL")));
    RETURN_IF_ERROR(GrantDefaults(session, name, table.oid));
  }
  return absl::OkStatus();
}

absl::Status DropTables(postgres::Connection& session, const core::Plan& plan) {
  std::vector<std::string> names;
  for (const core::Table& table : plan.tables) {
    const std::string name = core::QualifiedName(plan.identity.destination_schema, table.name);
    ASSIGN_OR_RETURN(const std::uint32_t oid, FindOid(session, name));
    if (Made(table) && oid != 0 && oid == table.oid) names.push_back(name);
  }
  if (names.empty()) return absl::OkStatus();
  // In one statement: they may refer to one another.
  const std::string sql = absl::StrCat("DROP TABLE ", absl::StrJoin(names, ", "));
  return NameStatement(session.ExecuteScript(sql), "dropping the migration's tables", sql);
}

}  // namespace vecferry::coordinator
