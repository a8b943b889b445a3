// Values by type. The first few are the extremes, the rest repeat themselves unless they must not.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "phases/branch/seed.hpp"

namespace pgphase {
namespace {

struct Values {
  std::string_view type;
  std::string_view extremes;  // SQL list, in the type's own words; taken for g = 1, 2, …
  std::string_view repeating, distinct;
};

// In what format_type says. Text that holds quotes, letters of several bytes and blanks at its ends finds what was
// quoted wrongly.
constexpr std::array k_values = {
    Values{"smallint", "-32768, 32767, 0", "(g % 10)", "(g - 16000)"},
    Values{"integer", "-2147483648, 2147483647, 0", "(g % 10)", "(g * 7)"},
    Values{"bigint", "-9223372036854775808, 9223372036854775807, 0", "(g % 10)", "(g * 7)"},
    Values{"numeric", "0, -0.5, 0.10", "(g % 10) / 4.0", "g + 0.25"},
    Values{"real", "'-Infinity', 'NaN', 0", "(g % 10) / 4.0", "g"},
    Values{"double precision", "'-Infinity', 'NaN', 1e300", "(g % 10) / 4.0", "g"},
    Values{"boolean", "true, false", "g % 2 = 0", ""},
    Values{"text", "'', ' it''s \"quoted\" ', {letters}, repeat('long ', 600)", "'value ' || g % 10", "'value ' || g"},
    Values{"character varying", "'', ' it''s ', {letters}", "'v' || g % 10", "'v' || g"},
    Values{"character", "'', 'Z'", "'v' || g % 10", "'v' || g"},
    Values{"citext", "'', 'Ada@Example.org'", "'Value ' || g % 10", "'Value ' || g"},
    Values{"uuid", "'00000000-0000-0000-0000-000000000000'", "md5((g % 10)::text)", "md5(g::text)"},
    Values{"date", "'-infinity', 'infinity', '2000-02-29'", "date '2020-01-01' + g % 10", "date '2020-01-01' + g"},
    Values{"timestamp without time zone", "'-infinity', 'infinity', '2000-02-29 23:59:59.999999'",
           "timestamp '2020-01-01' + g % 10 * interval '1 hour'", "timestamp '2020-01-01' + g * interval '1 hour'"},
    Values{"timestamp with time zone", "'-infinity', 'infinity', '2000-02-29 23:59:59.999999+14'",
           "timestamptz '2020-01-01 00:00+00' + g % 10 * interval '1 hour'",
           "timestamptz '2020-01-01 00:00+00' + g * interval '1 hour'"},
    Values{"time without time zone", "'00:00', '24:00'", "time '08:00' + g % 10 * interval '1 minute'",
           "time '00:00' + g * interval '1 second'"},
    Values{"interval", "'0', '-1 mon 3 days'", "g % 10 * interval '1 hour'", "g * interval '1 hour'"},
    Values{"json", "'{}', 'null', '{\"b\": 1, \"a\": [1,  2]}'", "json_build_object('n', g % 10)::text",
           "json_build_object('n', g)::text"},
    Values{"jsonb", "'{}', 'null', '{\"b\": 1, \"a\": [1, 2]}'", "jsonb_build_object('n', g % 10)::text",
           "jsonb_build_object('n', g)::text"},
    Values{"bytea", "'', '\\x00ff'", "sha256((g % 10)::text::bytea)", "sha256(g::text::bytea)"},
    Values{"inet", "'0.0.0.0', '::1'", "'10.0.0.' || g % 10", "inet '10.0.0.0' + g"},
    Values{"oid", "0", "g % 10", "g"},
};

// "Zürich 東京 🐘" where the database can hold that. random() keeps the planner from working it out where it cannot.
constexpr std::string_view k_letters_mark = "{letters}";
constexpr std::string_view k_letters =
    "(CASE getdatabaseencoding() WHEN 'UTF8' THEN convert_from(decode(left('5ac3bc7269636820e69db1e4baac20f09f9098', "
    "(100 + random())::int), 'hex'), 'UTF8') ELSE 'Zurich' END)";

std::string with_letters(std::string_view extremes) {
  std::string text(extremes);
  if (const auto at = text.find(k_letters_mark); at != std::string::npos)
    text.replace(at, k_letters_mark.size(), k_letters);
  return text;
}

// "numeric(10,2)" is a numeric, "timestamp(3) without time zone" a timestamp without time zone.
std::string without_modifier(std::string type) {
  const auto open = type.find('(');
  if (open == std::string::npos) return type;
  type.erase(open, type.find(')', open) - open + 1);
  return type;
}

}  // namespace

std::string value_expression(const std::string& type, bool distinct) {
  if (type.ends_with("[]")) {
    const auto element = value_expression(type.substr(0, type.size() - 2), distinct);
    if (element.empty()) return {};
    return fmt::format("(CASE WHEN g = 1 AND {} THEN '{{}}'::{} ELSE ARRAY[{}]::{} END)", distinct ? "false" : "true",
                       type, element, type);
  }
  const auto plain = without_modifier(type);
  for (const auto& values : k_values) {
    if (values.type != plain) continue;
    // The cast to the whole type cuts and rounds as an application's own value would have been.
    if (distinct) return values.distinct.empty() ? "" : fmt::format("({})::{}", values.distinct, type);
    return fmt::format("coalesce((ARRAY[{}]::{}[])[g], ({})::{})", with_letters(values.extremes), type,
                       values.repeating, type);
  }
  return {};
}

}  // namespace pgphase
