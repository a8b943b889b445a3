#include "phases/foresight/expected.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "phases/postgres/one_row.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/sync/new_columns.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Of 'o' and the kinds that have no place among tables the words say enough.
std::string kind_in_words(const std::string& relkind) {
  if (relkind == "v") return "a view";
  if (relkind == "m") return "a materialized view";
  if (relkind == "f") return "a foreign table";
  if (relkind == "S") return "a sequence";
  if (relkind == "i" || relkind == "I") return "an index";
  if (relkind == "c") return "a composite type";
  return "a table";
}

Result<std::string> kind_of(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query("SELECT c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE n.nspname = $1 AND c.relname = $2",
                            {table.schema, table.name}));
  return rows.empty() ? std::string() : rows[0].text(0);
}

bool is_ordinary(const std::string& relkind) {
  return relkind == "r" || relkind == "p";
}

// System columns, too: their names are taken.
Result<bool> has_column(Session& session, const TableName& table, const std::string& column) {
  PGPHASE_TRY(rows,
              session.query("SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n "
                            "ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 "
                            "AND NOT a.attisdropped",
                            {table.schema, table.name, column}));
  return !rows.empty();
}

// As a word: a column may be called n.
bool mentions(const std::string& message, const std::string& name) {
  const auto in_a_word = [&message](std::size_t at) {
    const auto c = static_cast<unsigned char>(message[at]);
    return std::isalnum(c) != 0 || c == '_' || c >= 0x80;
  };
  for (auto at = message.find(name); at != std::string::npos; at = message.find(name, at + 1)) {
    const auto end = at + name.size();
    if ((at == 0 || !in_a_word(at - 1)) && (end == message.size() || !in_a_word(end))) return true;
  }
  return false;
}

// Empty where it says nothing about the plan.
std::string said_by(const Error& error, const Expectation& expectation) {
  if (error.sqlstate == sqlstate::insufficient_privilege || error.sqlstate.starts_with("57") ||
      error.sqlstate.starts_with("55") || error.sqlstate.starts_with("08")) {
    return {};
  }
  const bool about_what_is_made = std::any_of(expectation.made.begin(), expectation.made.end(),
                                              [&](const auto& name) { return mentions(error.message, name); });
  return about_what_is_made ? std::string() : about_one_row(error.message);
}

Result<std::string> planned(Session& session, const Expectation& expectation, const std::string& sql,
                            const std::string& about) {
  auto done = session.query("EXPLAIN " + sql);
  if (done) return std::string();
  if (done.error().code != Errc::sql) return done.error();
  const auto said = said_by(done.error(), expectation);
  if (said.empty()) return std::string();
  return about.empty() ? said : fmt::format("`{}`: {}", about, said);
}

}  // namespace

Result<std::string> unmet(Session& session, const Expectation& expectation, const Step& step) {
  const auto& [schema, name] = expectation.table;
  const auto table = display_name(expectation.table);
  const auto& text = expectation.text;
  PGPHASE_TRY(kind, kind_of(session, expectation.table));
  switch (expectation.what) {
    case Expected::ordinary_table:
      if (kind.empty()) return fmt::format("there is no table {}", table);
      if (is_ordinary(kind)) return std::string();
      return fmt::format("{} is {}, not a table", table, kind_in_words(kind));
    case Expected::new_relation:
      if (kind.empty()) return std::string();
      return fmt::format(
          "there is {} {} already; if the plan's objects are there by other means, `pgphase stamp` records that",
          kind_in_words(kind), table);
    case Expected::column: {
      if (!is_ordinary(kind)) return std::string();
      PGPHASE_TRY(there, has_column(session, expectation.table, text));
      return there ? std::string() : fmt::format("table {} has no column {}", table, text);
    }
    case Expected::new_column: {
      if (!is_ordinary(kind)) return std::string();
      PGPHASE_TRY(there, has_column(session, expectation.table, text));
      return there ? fmt::format("table {} has a column {} already", table, text) : std::string();
    }
    case Expected::new_constraint: {
      PGPHASE_TRY(rows,
                  session.query("SELECT FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN "
                                "pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 "
                                "AND k.conname = $3",
                                {schema, name, text}));
      return rows.empty() ? std::string() : fmt::format("table {} has a constraint {} already", table, text);
    }
    case Expected::type:
      return planned(session, expectation, "SELECT NULL::" + text, "");
    case Expected::query:
      if (!name.empty() && !is_ordinary(kind)) return std::string();  // said already
      return planned(session, expectation, text, expectation.about);
    case Expected::none: {
      const auto counted = session.query(text);
      if (!counted && counted.error().code != Errc::sql) return counted.error();
      const bool some = counted && !counted->empty() && (*counted)[0].text(0) != "0";
      return some ? expectation.about : std::string();
    }
    case Expected::links: {
      const auto* body = std::get_if<LinkColumnsBody>(&step.body);
      if (!body || !is_ordinary(kind)) return std::string();
      const auto compiled = expressions_compile(session, *body);
      if (compiled) return std::string();
      if (compiled.error().sqlstate.empty()) return compiled.error();
      return said_by(compiled.error(), expectation);
    }
  }
  return std::string();
}

}  // namespace pgphase
