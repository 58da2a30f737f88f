/* commands.h - the subcommands. Each gets the arguments behind its name and returns the exit code. */
#ifndef TROTH_TOOLS_COMMANDS_H
#define TROTH_TOOLS_COMMANDS_H

int command_serve(int argc, char **argv);
int command_connect(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_token(int argc, char **argv);

#endif
