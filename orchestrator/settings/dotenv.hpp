// A small reader for `.env` files, for DATABASE_URL's sake: `export`, comments, single and double quotes, and
// ${NAME} as python-dotenv has it. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pgphase {

using Environment = std::map<std::string, std::string, std::less<>>;

// Of a name that is given twice the last one counts. ${NAME} and ${NAME:-default} stand for what the environment, else
// an earlier line, says; within single quotes they are left alone. A line that is no assignment is skipped: the file
// belongs to the application.
Environment read_dotenv(std::string_view text, const Environment& environment);

}  // namespace pgphase
