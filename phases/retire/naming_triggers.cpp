#include "phases/retire/naming_triggers.hpp"

#include <fmt/format.h>

#include "phases/retire/tree.hpp"

namespace pgphase {

// tgargs has a zero byte behind each argument. A letter outside ASCII is some bytes there, in the server's encoding.
const char* const k_is_in_trigger_arguments = R"sql(
replace(encode(t.tgargs, 'escape'), '\000', ' ')
  ~ ('(^|[^[:alnum:]_])'
     || regexp_replace(encode(convert_to($2, getdatabaseencoding()), 'escape'), '([^[:alnum:]_])', '\\\1', 'g')
     || '([^[:alnum:]_]|$)')
)sql";

namespace {

// NEW.column in the text of the function, or the bare word where the function reads the rows of a statement as a table
// (REFERENCING NEW TABLE AS …), which it may call what it likes there.
constexpr const char* k_question = R"sql(
SELECT 'trigger' AS kind, pg_describe_object('pg_trigger'::regclass, t.oid, 0) AS who, NULL AS whom
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid,
       LATERAL (SELECT regexp_replace($2, '([^[:alnum:]_])', '\\\1', 'g')) c(pattern)
 WHERE t.tgrelid IN {tree} AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgname !~ '^[!~_]pgphase_'
   AND (p.prosrc ~* ('\m(new|old)\s*\.\s*("?)' || c.pattern || '\2(\W|$)')
        OR (t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL) AND p.prosrc ~* ('(^|\W)' || c.pattern || '(\W|$)'))
UNION ALL
SELECT 'trigger_argument', pg_describe_object('pg_trigger'::regclass, t.oid, 0), NULL
  FROM pg_trigger t
 WHERE t.tgrelid IN {tree} AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgname !~ '^[!~_]pgphase_'
   AND t.tgnargs > 0 AND {is_in_arguments}
)sql";

}  // namespace

const std::string& naming_triggers_question() {
  static const std::string k_text =
      fmt::format(k_question, fmt::arg("tree", k_tree), fmt::arg("is_in_arguments", k_is_in_trigger_arguments));
  return k_text;
}

}  // namespace pgphase
