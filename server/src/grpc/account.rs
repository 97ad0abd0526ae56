//! Accounts and sessions.

use deskbell_proto::v1::account_service_server::AccountService;
use deskbell_proto::v1::{
    AnswerInvitationRequest, AnswerInvitationResponse, ChangePasswordRequest,
    ChangePasswordResponse, RedeemCodeRequest, RedeemCodeResponse, SignInRequest, SignInResponse,
    SignOutRequest, SignOutResponse, WhoAmIRequest, WhoAmIResponse,
};
use tonic::{Request, Response, Status};

use super::identity::{fingerprint, remote};
use super::{Handlers, convert};
use crate::desk::{Answer, Failure};
use crate::domain::Refusal;

#[tonic::async_trait]
impl AccountService for Handlers {
    async fn sign_in(
        &self,
        request: Request<SignInRequest>,
    ) -> Result<Response<SignInResponse>, Status> {
        let from = remote(&request);
        let body = request.into_inner();
        let signed_in = self
            .desk
            .sign_in(&body.email, &body.password, &body.label, from, &body.device_token)
            .await?;
        Ok(Response::new(SignInResponse {
            token: signed_in.token.reveal(),
            expire_time: Some(convert::time(signed_in.expires_at)),
            identity: Some(convert::identity(&signed_in.identity)),
            device_token: signed_in.device_token,
        }))
    }

    async fn sign_out(
        &self,
        request: Request<SignOutRequest>,
    ) -> Result<Response<SignOutResponse>, Status> {
        let session = self.session(request.metadata()).await?;
        let ended = self.desk.sign_out(session, request.into_inner().everywhere).await?;
        Ok(Response::new(SignOutResponse { ended: i32::try_from(ended).unwrap_or(i32::MAX) }))
    }

    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        let session = self.session(request.metadata()).await?;
        let identity = self.desk.identity(session.account).await?;
        Ok(Response::new(WhoAmIResponse { identity: Some(convert::identity(&identity)) }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let session = self.session(request.metadata()).await?;
        let from = remote(&request);
        let body = request.into_inner();
        self.desk
            .change_password(session, &body.current_password, &body.new_password, from)
            .await?;
        Ok(Response::new(ChangePasswordResponse {}))
    }

    async fn redeem_code(
        &self,
        request: Request<RedeemCodeRequest>,
    ) -> Result<Response<RedeemCodeResponse>, Status> {
        let from = remote(&request);
        let body = request.into_inner();
        self.desk
            .redeem_code(&body.email, &body.code, &body.new_password, &body.display_name, from)
            .await?;
        Ok(Response::new(RedeemCodeResponse {}))
    }

    async fn answer_invitation(
        &self,
        request: Request<AnswerInvitationRequest>,
    ) -> Result<Response<AnswerInvitationResponse>, Status> {
        let session = self.session(request.metadata()).await?;
        let from = remote(&request);
        let body = request.into_inner();
        let print = fingerprint("AnswerInvitation", &body);
        let invitation = convert::invitation_id(&body.invitation_id)
            .ok_or(Failure::Refused(Refusal::NotFound("invitation")))?;
        let answer = Answer { invitation, accept: body.accept, code: &body.code, from };
        let identity =
            self.desk.answer_invitation(session, answer, &body.request_id, print).await?;
        Ok(Response::new(AnswerInvitationResponse { identity: Some(convert::identity(&identity)) }))
    }
}
