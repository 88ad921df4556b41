import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns } from '../../../kernel/http/index.js';
import { newTicketIn, ticketView, type NewTicketIn, type TicketView } from './tickets.schema.js';
import { TicketsService } from './tickets.service.js';

@ApiTags('Auth')
@Controller('api/auth/tickets')
export class TicketsController {
  constructor(private readonly tickets: TicketsService) {}

  @Post()
  @Requires('user', 'tickets:write')
  @Returns(
    201,
    ticketView,
    'A ticket for one GET request within a minute, in place of the Authorization header.',
  )
  issue(
    @CurrentActor() actor: UserActor,
    @Body({ schema: newTicketIn }) body: NewTicketIn,
  ): Promise<TicketView> {
    return this.tickets.issue(actor, body);
  }
}
