#include "phases/sync/function.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "phases/retire/names.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/base/one_line.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Flow = SyncLink::Flow;
using Columns = std::vector<SyncColumn>;

std::string in_row(const char* row, const SyncColumn& column) {
  return fmt::format("{}.{}", row, quote_ident(column.name));
}

std::string row_of(const char* row, const Columns& columns) {
  std::vector<std::string> list;
  for (const auto& column : columns) list.push_back(in_row(row, column));
  return fmt::format("ROW({})", fmt::join(list, ", "));
}

// Byte by byte: IS DISTINCT FROM knows no json, and takes 1.0 for 1.00 and, in citext, A for a.
std::string differs(const std::string& one, const std::string& other) {
  return fmt::format("pg_catalog.record_image_ne({}, {})", one, other);
}

std::string all_null(const Columns& columns) {
  std::vector<std::string> list;
  for (const auto& column : columns) list.push_back(is_null(in_row("NEW", column)));
  return fmt::format("({})", fmt::join(list, " AND "));
}

// A source that its writer has left out holds NULL or its default, as far as that is the same twice.
std::string left_out(const Columns& columns) {
  std::vector<std::string> list;
  for (const auto& column : columns) {
    const auto value = in_row("NEW", column);
    list.push_back(column.default_sql.empty()
                       ? is_null(value)
                       : fmt::format("({0} OR NOT {1})", is_null(value),
                                     differs(fmt::format("ROW({})", value),
                                             fmt::format("ROW(({})::{})", column.default_sql, column.type))));
  }
  return fmt::format("({})", fmt::join(list, " AND "));
}

// Some expression there is to write the column with.
bool writable(const Columns& columns) {
  for (const auto& column : columns) {
    if (!column.expression.empty()) return true;
  }
  return false;
}

// Nobody writes them: they are retired. Not so a column that has yet to take its place: what cannot be converted into
// it would be lost for good, so that the plan says what becomes of it. Nor one that another plan has given another
// name.
bool hidden(const Columns& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const SyncColumn& column) { return is_retired_column_name(column.name); });
}

class Writer {
 public:
  Writer(const SyncTable& table, const SyncLink& link) : row_(link.row.empty() ? table.table.name : link.row) {}

  // The expression sees the row under the table's name, as it would in an UPDATE. Without a cast: an explicit one cuts
  // what is too long, an assignment refuses it.
  std::string value(const SyncColumn& column, const Columns& of) const {
    return of_row("(" + column.expression + "\n)", of);
  }

  // Writes the columns of one side, of those of the other.
  std::string set(const SyncLink& link, const Columns& columns, const Columns& of, const char* indent) const {
    // Nobody looks at a retired side: it may never make a statement fail, whatever an expression meets there.
    const bool out_of_sight = hidden(columns);
    const bool reject = link.on_error == SyncLink::OnError::reject && !out_of_sight;
    const char* const errors = out_of_sight ? "OTHERS" : "data_exception OR integrity_constraint_violation";
    std::string out;
    for (const auto& column : columns) {
      if (column.expression.empty()) continue;
      auto made = value(column, of);
      // New code alone writes now, and the new column may be NULL: a source that may not keeps what it has.
      const bool stays = column.required && !out_of_sight && link.flow == Flow::to_sources && !link.one_is_the_other;
      if (stays) made = fmt::format("COALESCE({}, {})", made, in_row("NEW", column));
      const auto assignment = fmt::format("{} := {};", in_row("NEW", column), made);
      if (reject) {
        out += fmt::format("{}{}\n", indent, assignment);
      } else {
        out += fmt::format(
            "{0}BEGIN\n{0}  {1}\n{0}EXCEPTION WHEN {3} THEN\n"
            "{0}  {2} := NULL;\n{0}END;\n",
            indent, assignment, in_row("NEW", column), errors);
      }
    }
    return out;
  }

  // The columns differ from what their expressions make of the other side.
  std::string stale(const Columns& columns, const Columns& of) const {
    std::vector<std::string> is, would_be;
    for (const auto& column : columns) {
      if (column.expression.empty()) continue;
      is.push_back(in_row("NEW", column));
      would_be.push_back(of_row(fmt::format("({}\n)::{}", column.expression, column.type), of));
    }
    return differs(fmt::format("ROW({})", fmt::join(is, ", ")), fmt::format("ROW({})", fmt::join(would_be, ", ")));
  }

 private:
  // A column that has another name by now is seen under the one that the expression knows, also where that belongs to
  // another column: the inner query is looked at first.
  std::string of_row(const std::string& expression, const Columns& of) const {
    const auto row = quote_ident(row_);
    std::string renamed;
    for (const auto& column : of) {
      if (column.called.empty() || column.called == column.name) continue;
      renamed +=
          fmt::format("{}{} AS {}", renamed.empty() ? "" : ", ", in_row("NEW", column), quote_ident(column.called));
    }
    const auto value =
        renamed.empty() ? expression : fmt::format("(SELECT {} FROM (SELECT {}) AS {})", expression, renamed, row);
    return fmt::format("(SELECT {} FROM (SELECT NEW.*) AS {})", value, row);
  }
  std::string row_;
};

// A target has taken the place and the name of its source, which nobody can name any more. A value in it comes from an
// INSERT or COPY that counts columns: it means the column as it is called, as far as that was left out.
std::string by_position(const SyncLink& link, const Writer& writer) {
  const auto& target = link.targets.front();
  const bool in_its_place = link.flow == Flow::to_sources && !target.called.empty() && !is_new_column_name(target.name);
  if (!in_its_place) return {};
  std::string given;
  for (const auto& source : link.sources) {
    if (source.called == target.called && source.name != target.name) given = is_not_null(in_row("NEW", source));
  }
  if (given.empty()) return {};
  if (!target.numbered) given += " AND " + left_out(link.targets);
  return fmt::format("  IF TG_OP = 'INSERT' AND TG_NAME = {} AND {} THEN\n{}  END IF;\n",
                     quote_literal(k_first_trigger), given, writer.set(link, link.targets, link.sources, "    "));
}

// Which side of a link leads is one letter: 's' its sources, 't' its targets, '-' neither. What this expression gives
// is true before anything was written back.
std::string targets_lead(const SyncLink& link, const Writer& writer) {
  if (link.flow == Flow::to_targets || !writable(link.sources)) return "false";
  if (link.flow == Flow::to_sources && hidden(link.sources)) {
    return fmt::format("(TG_OP = 'INSERT' OR {})", differs(row_of("NEW", link.targets), row_of("OLD", link.targets)));
  }
  const auto any_target = fmt::format("NOT {}", all_null(link.targets)), no_source = left_out(link.sources);
  const bool null_is_absent = link.null_means == SyncLink::NullMeans::absent;
  const auto given = link.one_is_the_other
                         ? (null_is_absent ? any_target : fmt::format("({} OR {})", any_target, no_source))
                     : null_is_absent ? fmt::format("{} AND {}", any_target, no_source)
                                      : no_source;
  // Of one value under two names only one goes on: that of the name which will be there, as in a new row.
  const auto sources_too =
      link.one_is_the_other
          ? std::string()
          : fmt::format("NOT {} AND ", differs(row_of("NEW", link.sources), row_of("OLD", link.sources)));
  return fmt::format("(CASE WHEN TG_OP = 'INSERT' THEN {} ELSE {} AND {}{} END)", given,
                     differs(row_of("NEW", link.targets), row_of("OLD", link.targets)), sources_too,
                     writer.stale(link.targets, link.sources));
}

// True once the links whose targets lead have written back.
std::string sources_lead(const SyncLink& link) {
  if (link.flow == Flow::to_sources || !writable(link.targets)) return "false";
  const auto changed = differs(row_of("NEW", link.sources), row_of("OLD", link.sources));
  if (link.flow == Flow::to_targets) return fmt::format("(TG_OP = 'INSERT' OR {})", changed);
  return fmt::format("(CASE WHEN TG_OP = 'INSERT' THEN {} ELSE {} AND NOT {} END)", all_null(link.targets), changed,
                     differs(row_of("NEW", link.targets), row_of("OLD", link.targets)));
}

std::string lead_of(std::size_t link) {
  return fmt::format("lead_{}", link + 1);
}

// The backfill's own update, and not that of a trigger which it fires.
std::string filled_by_backfill(const SyncLink& link) {
  return fmt::format("(filling = {} AND pg_catalog.pg_trigger_depth() = 1)", quote_literal(link.key));
}

// What pgphase's own sessions have, and so its backfills (phases/postgres/session.cpp): a value may not depend on who
// writes it. The rest is as the database and the role have it, when the function is made.
constexpr const char* k_settings =
    " SET \"TimeZone\" = 'UTC' SET \"DateStyle\" = 'ISO, YMD' SET \"IntervalStyle\" = 'postgres' SET bytea_output = "
    "'hex'"
    " SET extra_float_digits = 1 SET standard_conforming_strings = on SET lc_monetary FROM CURRENT"
    " SET lc_numeric FROM CURRENT SET lc_time FROM CURRENT SET default_text_search_config FROM CURRENT";

// Of these no setting has a say in what one becomes as another.
bool is_plain_type(const std::string& type) {
  for (const auto* plain :
       {"smallint", "integer", "bigint", "numeric", "text", "character", "boolean", "uuid", "json"}) {
    if (type.starts_with(plain) && !type.ends_with("[]")) return true;
  }
  return false;
}

// A column that is nothing but one of the other side, of its type or of one that is as plain. Settings cost 0.3 µs each
// at every call.
bool is_bare(const SyncColumn& column, const Columns& of) {
  return std::any_of(of.begin(), of.end(), [&](const SyncColumn& other) {
    const auto& called = other.called.empty() ? other.name : other.called;
    const bool same = column.type == other.type || (is_plain_type(column.type) && is_plain_type(other.type));
    return same && (column.expression == called || column.expression == quote_ident(called));
  });
}

bool computes(const SyncLink& link) {
  const auto any = [](const Columns& columns, const Columns& of) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const SyncColumn& column) { return !column.expression.empty() && !is_bare(column, of); });
  };
  return any(link.targets, link.sources) || any(link.sources, link.targets);
}

constexpr std::string_view k_letters = "pgphase.sync_";

}  // namespace

std::string sync_function_sql(const SyncTable& table) {
  const auto& links = table.links;
  std::string declared, counted, leads, back, derived, remembered;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const auto lead = lead_of(i);
    const Writer writer(table, links[i]);
    counted += by_position(links[i], writer);
    declared += fmt::format("  {} \"char\" := '-';\n", lead);
    // Whoever led in front of the user's triggers leads behind them too; where nobody did, they may have changed a
    // side.
    leads += fmt::format(
        "  IF {4} THEN {0} := 's';\n"
        "  ELSIF TG_NAME = {1} AND pg_catalog.substr(letters, {2}, 1) <> '-' THEN {0} := pg_catalog.substr(letters, "
        "{2}, "
        "1);\n"
        "  ELSIF {3} THEN {0} := 't';\n  END IF;\n",
        lead, quote_literal(k_last_trigger), i + 1, targets_lead(links[i], writer), filled_by_backfill(links[i]));
    derived +=
        fmt::format("  IF {0} = '-' AND {1} THEN {0} := 's'; END IF;\n  IF {0} = 's' THEN\n{2}    NULL;\n  END IF;\n",
                    lead, sources_lead(links[i]), writer.set(links[i], links[i].targets, links[i].sources, "    "));
    remembered += fmt::format("{}{}::text", remembered.empty() ? "" : " || ", lead);
  }
  // The newest first: its sources may be another one's targets.
  for (std::size_t i = links.size(); i-- > 0;) {
    if (!writable(links[i].sources) || links[i].flow == Flow::to_targets) continue;
    const Writer writer(table, links[i]);
    back += fmt::format("  IF {0} = 't' THEN\n", lead_of(i));
    const bool lead_too = links[i].flow == Flow::both && writable(links[i].targets);
    if (lead_too || !hidden(links[i].sources)) {
      // A trigger of the user's has changed what was written back: it has had its say, and the sources lead now. Where
      // nothing was written back yet, it is the trigger that has written the targets.
      back += fmt::format(
          "    IF TG_NAME = {} AND pg_catalog.substr(letters, {}, 1) = 't' AND {} THEN\n      {} := '{}';\n"
          "    ELSE\n{}    END IF;\n",
          quote_literal(k_last_trigger), i + 1, writer.stale(links[i].sources, links[i].targets), lead_of(i),
          lead_too ? 's' : '-', writer.set(links[i], links[i].sources, links[i].targets, "      "));
    } else {
      back += writer.set(links[i], links[i].sources, links[i].targets, "    ");
    }
    back += "  END IF;\n";
  }
  // A column may be called as a variable is.
  const auto body = fmt::format(
      "#variable_conflict use_column\n"
      "-- keeps columns of {} in step while a migration is under way; made and removed by pgphase\n"
      "DECLARE\n"
      "  filling text := pg_catalog.current_setting({}, true);\n"
      "  memory text := {} || pg_catalog.pg_trigger_depth();\n"
      "  letters text := pg_catalog.current_setting(memory, true);\n"
      "{}"
      "BEGIN\n{}{}{}{}"
      "  IF TG_NAME = {} THEN PERFORM pg_catalog.set_config(memory, {}, true); END IF;\n"
      "  RETURN NEW;\n"
      "END",
      one_line(qualified(table.table)), quote_literal(k_backfill_flag), quote_literal(k_letters), declared, counted,
      leads, back, derived, quote_literal(k_first_trigger), remembered);
  return fmt::format(
      "CREATE OR REPLACE FUNCTION pgphase.{}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public{} "
      "AS {}",
      quote_ident(table.function), std::any_of(links.begin(), links.end(), computes) ? k_settings : "",
      quote_literal(body));
}

std::string create_sync_triggers_sql(const SyncTable& table) {
  std::string sql;
  for (const auto* trigger : {k_first_trigger, k_last_trigger}) {
    sql += fmt::format(
        "CREATE TRIGGER {0} BEFORE INSERT OR UPDATE ON {1} FOR EACH ROW "
        // Of a condition this is the depth without the trigger itself.
        "WHEN (pg_catalog.current_setting({3}, true) IS DISTINCT FROM 'on' OR pg_catalog.pg_trigger_depth() > 0) "
        "EXECUTE FUNCTION pgphase.{2}();"
        "ALTER TABLE {1} ENABLE ALWAYS TRIGGER {0};",
        quote_ident(trigger), qualified(table.table), quote_ident(table.function), quote_literal(k_backfill_alone));
  }
  return sql;
}

std::string drop_sync_triggers_sql(const TableName& table) {
  return fmt::format("DROP TRIGGER {0} ON {2}; DROP TRIGGER {1} ON {2};", quote_ident(k_first_trigger),
                     quote_ident(k_last_trigger), qualified(table));
}

}  // namespace pgphase
