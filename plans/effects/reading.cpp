#include "plans/effects/reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase::effects {
namespace {

// Functions of PostgreSQL's own that are the same each time within a transaction: enough of them that a plan's usual
// defaults are known without a server. What is in neither list is unknown.
constexpr auto k_steady = std::to_array<std::string_view>({
    "abs",
    "age",
    "array_to_string",
    "btrim",
    "ceil",
    "char_length",
    "concat",
    "concat_ws",
    "current_schema",
    "current_setting",
    "date_part",
    "date_trunc",
    "decode",
    "encode",
    "floor",
    "format",
    "initcap",
    "int4range",
    "jsonb_build_array",
    "jsonb_build_object",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_timestamptz",
    "md5",
    "now",
    "pg_current_xact_id",
    "regexp_replace",
    "repeat",
    "replace",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sha256",
    "split_part",
    "statement_timestamp",
    "string_to_array",
    "substr",
    "substring",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsvector",
    "transaction_timestamp",
    "trunc",
    "tstzrange",
    "txid_current",
    "upper",
});

constexpr auto k_own_types = std::to_array<std::string_view>({
    "bit",       "bool",        "box",      "bpchar",   "bytea",   "char",      "cidr",     "circle",
    "date",      "daterange",   "float4",   "float8",   "inet",    "int2",      "int4",     "int4range",
    "int8",      "int8range",   "interval", "json",     "jsonb",   "jsonpath",  "line",     "lseg",
    "macaddr",   "macaddr8",    "money",    "name",     "numeric", "numrange",  "oid",      "path",
    "pg_lsn",    "point",       "polygon",  "regclass", "regproc", "regtype",   "text",     "time",
    "timestamp", "timestamptz", "timetz",   "tsquery",  "tsrange", "tstzrange", "tsvector", "txid_snapshot",
    "uuid",      "varbit",      "varchar",  "xid",      "xml",
});

template <std::size_t N>
bool among(const std::array<std::string_view, N>& all, std::string_view one) {
  return std::binary_search(all.begin(), all.end(), one);
}

}  // namespace

RelationEffects& Reading::on(const TableName& relation, LockMode lock, RelationKind kind) {
  for (auto& held : out.relations) {
    if (held.relation != relation || !held.described.empty()) continue;
    if (lock > held.lock) held.lock_unsure = false;
    held.lock = std::max(held.lock, lock);
    return held;
  }
  RelationEffects& made = out.relations.emplace_back();
  made.relation = relation;
  made.kind = kind;
  made.lock = lock;
  return made;
}

RelationEffects& Reading::unnamed(std::string which, LockMode lock, RelationKind kind) {
  for (auto& held : out.relations) {
    if (held.described != which) continue;
    held.lock = std::max(held.lock, lock);
    return held;
  }
  RelationEffects& made = out.relations.emplace_back();
  made.relation = {};
  made.described = std::move(which);
  made.kind = kind;
  made.lock = lock;
  made.lock_unsure = true;
  return made;
}

void Reading::rule(std::string_view id, const TableName& relation, std::string object) {
  out.rules.push_back({&pgphase::rule(id), relation, std::move(object)});
}

void Reading::asks(std::string what) {
  if (std::find(out.asks.begin(), out.asks.end(), what) == out.asks.end()) out.asks.push_back(std::move(what));
}

Answer Reading::since(int major) const {
  if (known.server == 0) return Answer::unknown;
  return known.server >= major ? Answer::yes : Answer::no;
}

void Reading::reads(const json::object& query, LockMode lock) {
  for (const TableName& table : tree::relations(query)) on(table, lock);
}

SqlType type_of(const json::object& type_name) {
  SqlType out;
  std::vector<std::string> parts;
  if (const auto* list = type_name.if_contains("names")) parts = tree::names(*list);
  if (parts.empty()) return out;
  out.name = {parts.size() > 1 ? parts[parts.size() - 2] : std::string("public"), parts.back()};
  if (parts.size() == 1 && among(k_own_types, parts[0])) out.name.schema = "pg_catalog";
  for (const auto& item : tree::list(type_name, "typmods")) {
    const auto* value = tree::object(tree::body_of(item), "ival");
    const auto* number = value ? value->if_contains("ival") : nullptr;
    out.modifiers.push_back(number && number->is_int64() ? static_cast<int>(number->as_int64()) : 0);
  }
  out.array = !tree::list(type_name, "arrayBounds").empty();
  return out;
}

std::optional<SqlType> type_of(const std::string& sql) {
  const auto parsed = tree::parse("CREATE TABLE t (c " + sql + ")");
  if (!parsed || parsed->size() != 1) return std::nullopt;
  const auto& elements = tree::list(parsed->front().node, "tableElts");
  if (elements.empty()) return std::nullopt;
  const auto* type = tree::object(tree::body_of(elements[0]), "typeName");
  return type ? std::optional(type_of(*type)) : std::nullopt;
}

bool is_steady(std::string_view function) {
  return among(k_steady, function);
}

Answer gives_another_value(const json::value& expression, const Known& known) {
  Answer worst = Answer::no;
  for (const auto& name : tree::functions(expression)) {
    if (const auto found = known.functions.find(name); found != known.functions.end()) {
      worst = std::max(worst, found->second);
    } else if (known_volatile(name)) {
      worst = Answer::yes;
    } else if (!among(k_steady, name)) {
      worst = std::max(worst, Answer::unknown);
    }
  }
  return worst;
}

Answer named_like_a_key(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto ends = [&](std::initializer_list<std::string_view> all) {
    return std::any_of(all.begin(), all.end(), [&](auto one) { return lower.ends_with(one); });
  };
  const auto begins = [&](std::initializer_list<std::string_view> all) {
    return std::any_of(all.begin(), all.end(), [&](auto one) { return lower.starts_with(one); });
  };
  // index_users_on_api_key: the column's name, not the index's kind.
  if (begins({"index_", "idx_", "ix_"}) || ends({"_idx", "_index"})) return Answer::unknown;
  if (ends({"_pkey", "_key", "_pk", "_unique", "_uniq", "_uq"}) || begins({"pk_", "uq_", "uk_", "ak_", "unique_"})) {
    return Answer::yes;
  }
  const bool other = ends({"_check", "_fkey", "_not_null", "_excl", "_fk", "_chk", "_ck"}) ||
                     begins({"ck_", "chk_", "check_", "fk_", "nn_"});
  return other ? Answer::no : Answer::unknown;
}

void refused_for(Reading& r, const TableName& table, const std::string& column, const KnownColumn& known) {
  if (known.used_by.empty()) return;
  r.out.fails = Answer::yes;
  r.out.fails_because = fmt::format("{} uses column {} of {}", *known.used_by.begin(), column, display_name(table));
}

Answer constrained(const SqlType& type, const Known& known) {
  if (!type.own()) return Answer::no;
  const auto found = known.domains.find(type.name);
  if (found != known.domains.end()) return found->second.constrained && !type.array ? Answer::yes : Answer::no;
  return known.catalogue ? Answer::no : Answer::unknown;
}

}  // namespace pgphase::effects
